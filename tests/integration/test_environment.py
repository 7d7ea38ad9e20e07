"""Variables and folders of the user: empty is unset, and nothing needs a home."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from penna import environment
from penna.data.readers.read_table import read
from penna.encoders import hub

FOLDERS = ("PENNA_CACHE", "XDG_CACHE_HOME", "HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No variable names a folder, but HOME; the working folder is empty."""
    for name in FOLDERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return monkeypatch


def test_cache_folder_follows_the_environment(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert environment.cache_folder() == tmp_path / "home" / ".cache" / "penna"
    bare.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert environment.cache_folder() == tmp_path / "xdg" / "penna"
    bare.setenv("PENNA_CACHE", str(tmp_path / "own"))
    assert environment.cache_folder() == tmp_path / "own"


@pytest.mark.parametrize("values", [("", ""), ("", "caches"), ("", "./x/y")])
def test_empty_and_relative_variables_are_ignored(
    bare: pytest.MonkeyPatch, tmp_path: Path, values: tuple[str, str]
) -> None:
    for name, value in zip(FOLDERS, values, strict=False):
        bare.setenv(name, value)
    assert environment.cache_folder() == tmp_path / "home" / ".cache" / "penna"
    assert environment.hub_cache() == tmp_path / "home" / ".cache" / "huggingface" / "hub"
    bare.setenv("HF_HUB_CACHE", "")
    bare.setenv("HF_HOME", str(tmp_path / "hf"))
    assert environment.hub_cache() == tmp_path / "hf" / "hub"
    assert {"HF_HUB_CACHE", "XDG_CACHE_HOME"} <= set(environment.unset())
    assert "HF_HOME" not in environment.unset()


def test_a_home_that_cannot_be_written_is_passed_over(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bare.setenv("HOME", str(tmp_path / "file"))
    found = environment.cache_folder()
    assert tmp_path not in found.parents
    assert found == environment.NOWHERE or not found.stat().st_mode & 0o077


def test_cache_of_another_user_is_not_trusted(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    bare.setattr("tempfile.tempdir", str(shared))
    own = environment._private()
    assert own is not None
    assert own.parent == shared
    own.chmod(0o777)
    assert environment._private() is None
    own.rmdir()
    own.symlink_to(tmp_path)
    assert environment._private() is None
    bare.setattr("tempfile.tempdir", str(tmp_path))  # the working folder, where there is no other
    assert environment._private() is None


def test_switches_and_numbers_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, on in {"": False, "1": True, "true": True, "0": False}.items():
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
        assert hub.kept_offline() is on
    for value, count in {"": 1, "3": 3, "three": 1}.items():
        monkeypatch.setenv("WORLD_SIZE", value)
        assert environment.number("WORLD_SIZE", 1) == count


def test_a_file_whose_name_begins_with_a_tilde_is_read(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "~rows.csv").write_text("text,label\ngood film,a\nbad film,b\n", encoding="utf-8")
    assert len(read("~rows.csv", target="label")[0]) == 2


WORK = """
import os, sys
from pathlib import Path
import penna.cli

penna.cli._settle_libraries()

def penna_(*arguments):
    try:
        penna.cli.app(arguments)
    except SystemExit as left:
        assert not left.code, (arguments, left.code)

out = sys.argv[1]
try:
    Path.home()
except RuntimeError:
    print("no home")
penna_("doctor")
penna_("check", "rows.csv", "--target", "label", "--budget", "9s")
penna_("fit", "rows.csv", "--target", "label", "--families", "linear", "--budget", "9s", "--out", out, "-q")
penna_("evaluate", out, "rows.csv")
penna_("predict", out, "rows.csv", "--out", f"{out}.csv")
penna_("report", out)
penna_("predict", out, "~rows.csv")
print("all done")
"""


@pytest.mark.slow
def test_user_without_home_or_passwd_entry_can_fit(tmp_path: Path) -> None:
    """As in a container: a number for a user, no HOME, a read-only working folder, no TMPDIR of use."""
    become = [shutil.which("unshare") or "unshare", "--user", "--map-user=12345", "--map-group=12345"]
    plain = {"PATH": os.environ["PATH"], "TMPDIR": "/nowhere", "XDG_CACHE_HOME": ""}
    try:
        subprocess.run([*become, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system gives no user namespace")
    where, out = tmp_path / "fixed", tmp_path / "out"
    where.mkdir()
    out.mkdir()
    rows = "text,label\n" + "".join(f"{'good' if i % 2 else 'bad'} film {i},{i % 2}\n" for i in range(80))
    for name in ("rows.csv", "~rows.csv"):
        (where / name).write_text(rows, encoding="utf-8")
    where.chmod(0o555)
    done = subprocess.run(
        [*become, sys.executable, "-c", WORK, str(out / "run")], cwd=where, env=plain, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    where.chmod(0o755)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("no home\n")
    assert done.stdout.endswith("all done\n")
    assert sorted(path.name for path in where.iterdir()) == ["rows.csv", "~rows.csv"]
