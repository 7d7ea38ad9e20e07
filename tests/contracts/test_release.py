"""The release check: a tree and built files that are ready pass, and each problem is named."""

import importlib.util
import subprocess
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "1.2.3"
CHANGELOG = f"# Changelog\n\n## [Unreleased]\n\n## [{VERSION}] - 2026-01-31\n\n### Added\n- Everything.\n"


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_release", ROOT / "tools" / "check_release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository that is ready to be released as 1.2.3."""
    root = tmp_path / "tree"
    (root / "src" / "penna").mkdir(parents=True)
    (root / "src" / "penna" / "version.py").write_text(f'"""The version."""\n\n__version__ = "{VERSION}"\n')
    (root / "src" / "penna" / "__init__.py").write_text("from penna.version import __version__ as __version__\n")
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    (root / "CITATION.cff").write_text(f"cff-version: 1.2.0\nversion: {VERSION}\n")
    (root / ".gitignore").write_text("dist/\n")
    commit(root)
    return root


def commit(root: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", "All"], cwd=root, check=True)


def build(tree: Path, *leave_out: str) -> Path:
    """Write the sdist and the wheel of a tree into dist/, without the files named."""
    dist = tree / "dist"
    dist.mkdir()
    files = [path for path in sorted((tree / "src" / "penna").iterdir()) if path.name not in leave_out]
    with zipfile.ZipFile(dist / f"penna-{VERSION}-py3-none-any.whl", "w") as wheel:
        for path in files:
            wheel.write(path, f"penna/{path.name}")
        about = f"penna-{VERSION}.dist-info"
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: penna\nVersion: {VERSION}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    with tarfile.open(dist / f"penna-{VERSION}.tar.gz", "w:gz") as sdist:
        for path in files:
            sdist.add(path, f"penna-{VERSION}/src/penna/{path.name}")
    return dist


def test_a_ready_tree_has_no_problems(release: ModuleType, tree: Path) -> None:
    assert release.read_version(tree) == VERSION
    assert list(release.tree_problems(tree, VERSION)) == []


def test_an_uncommitted_file_is_named(release: ModuleType, tree: Path) -> None:
    (tree / "notes.txt").write_text("later")
    assert list(release.tree_problems(tree, VERSION)) == ["not committed: notes.txt"]


def test_another_version_in_the_citation_file_is_a_problem(release: ModuleType, tree: Path) -> None:
    (tree / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.2\n")
    commit(tree)
    (problem,) = release.tree_problems(tree, VERSION)
    assert problem.startswith("CITATION.cff")
    assert "version: 1.2.3" in problem


@pytest.mark.parametrize(
    ("changelog", "problem"),
    [
        (CHANGELOG, None),
        (CHANGELOG.replace(" - 2026-01-31", ""), "no dated section"),
        (f"## [Unreleased]: {VERSION}\n- Everything.\n", "no dated section"),
        (CHANGELOG.replace(VERSION, "1.2.30"), "no dated section"),
        (CHANGELOG.replace("- Everything.\n", "## [1.2.2] - 2025-12-01\n- Other.\n"), "lists no changes"),
    ],
)
def test_the_changelog_needs_a_dated_section(release: ModuleType, changelog: str, problem: str | None) -> None:
    found = " ".join(release.changelog_problems(changelog, VERSION))
    assert problem in found if problem else not found


@pytest.mark.slow
def test_complete_files_have_no_problems(release: ModuleType, tree: Path) -> None:
    assert list(release.files_problems(tree, build(tree), VERSION)) == []


@pytest.mark.slow
def test_a_file_that_the_wheel_lacks_is_named(release: ModuleType, tree: Path) -> None:
    (tree / "src" / "penna" / "model.bin").write_bytes(b"weights")
    commit(tree)
    found = list(release.files_problems(tree, build(tree, "model.bin"), VERSION))
    assert found == [f"penna-{VERSION}{end} lacks src/penna/model.bin." for end in ("-py3-none-any.whl", ".tar.gz")]


def test_a_missing_wheel_and_a_foreign_file_are_named(release: ModuleType, tree: Path) -> None:
    dist = build(tree)
    (dist / f"penna-{VERSION}-py3-none-any.whl").rename(dist / "penna-1.2.2-py3-none-any.whl")
    foreign, missing = release.files_problems(tree, dist, VERSION)
    assert "penna-1.2.2-py3-none-any.whl" in foreign
    assert "1.2.3" in foreign
    assert f"penna-{VERSION}-py3-none-any.whl" in missing


def test_this_version_is_the_one_to_cite(release: ModuleType) -> None:
    version = release.read_version(ROOT)
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
