"""Check that a release is ready: `make release` runs this before and after the build.

    python tools/check_release.py            # the tree: version, changelog, citation file, nothing uncommitted
    python tools/check_release.py dist       # the files in dist/: complete, and importable in an empty environment

The exit code is 0 if everything is ready, and 1 otherwise, with one line for each problem. Nothing is uploaded.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "src/penna/"


def main(arguments: list[str]) -> int:
    """Print problems of a release; return the exit code."""
    version = read_version(ROOT)
    problems = list(files_problems(ROOT, ROOT / arguments[0], version) if arguments else tree_problems(ROOT, version))
    for problem in problems:
        print(f"not ready: {problem}", file=sys.stderr)
    if not problems:
        print(f"penna {version}: {'the built files are' if arguments else 'the tree is'} ready")
    return 1 if problems else 0


def read_version(root: Path) -> str:
    """Return the version in src/penna/version.py, without importing the package."""
    found = re.search(r'^__version__ = "([^"]+)"$', (root / PACKAGE / "version.py").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f'{PACKAGE}version.py has no line __version__ = "...".')
    return found[1]


def tree_problems(root: Path, version: str) -> Iterator[str]:
    """Yield what keeps the tree from being built as this version."""
    yield from changelog_problems((root / "CHANGELOG.md").read_text("utf-8"), version)
    if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text("utf-8"):
        yield f"CITATION.cff does not have the line `version: {version}`."
    changed = _git(root, "status", "--porcelain").splitlines()
    if changed:
        yield f"not committed: {', '.join(line[3:] for line in changed[:5])}{' ...' if changed[5:] else ''}"


def changelog_problems(changelog: str, version: str) -> Iterator[str]:
    """Yield a problem unless the changelog has a dated section for this version, with changes in it."""
    heading = re.compile(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$")
    lines = changelog.splitlines()
    start = next((number for number, line in enumerate(lines) if heading.match(line)), None)
    if start is None:
        yield f"CHANGELOG.md has no dated section for {version}: write `## [{version}] - YYYY-MM-DD` above its changes."
        return
    for line in lines[start + 1 :]:
        if line.startswith("## "):
            break
        if line.startswith("- "):
            return
    yield f"the section for {version} in CHANGELOG.md lists no changes."


def files_problems(root: Path, folder: Path, version: str) -> Iterator[str]:
    """Yield what is wrong with the sdist and the wheel of this version in a folder."""
    wheel, sdist = folder / f"penna-{version}-py3-none-any.whl", folder / f"penna-{version}.tar.gz"
    others = sorted(path.name for path in folder.iterdir() if path not in (wheel, sdist)) if folder.is_dir() else []
    if others:
        yield f"{folder.name}/ holds {others[0]}, which is not a file of {version}."
    for path in (wheel, sdist):
        if not path.is_file():
            yield f"{folder.name}/{path.name} is missing."
            return
    tracked = set(_git(root, "ls-files", "-z", PACKAGE).split("\0")) - {""}
    with zipfile.ZipFile(wheel) as archive:
        packed = {f"src/{name}" for name in archive.namelist() if name.startswith("penna/")}
    with tarfile.open(sdist) as archive:
        prefix = f"penna-{version}/"
        source = {member.name.removeprefix(prefix) for member in archive if member.isfile()}
    for path, names in ((wheel, packed), (sdist, {name for name in source if name.startswith(PACKAGE)})):
        for name in sorted(tracked - names):
            yield f"{path.name} lacks {name}."
        for name in sorted(names - tracked):
            yield f"{path.name} holds {name}, which is not committed."
    imported = imported_version(wheel)
    if imported != version:
        yield f"{wheel.name} imports as version {imported!r} in an empty environment."


def imported_version(wheel: Path) -> str:
    """Return the version that the wheel's package shows in a new virtual environment without its dependencies.

    An import of Penna loads no other library, so this also holds the import light.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        _run(Path(folder), python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel.resolve())
        return _run(Path(folder), python, "-I", "-c", "import penna; print(penna.__version__)").strip()


def _git(root: Path, *arguments: str) -> str:
    return _run(root, "git", *arguments)


def _run(folder: Path, *command: Path | str) -> str:
    """Return the output of a command. End with its own message if it fails."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    if ended.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
