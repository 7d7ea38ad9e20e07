"""The terms of docs/glossary.md hold: words of the old language are in no source, document or identifier."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Words that have a standard term; data under ``assets/`` is no text of ours.
BANNED = ("told", "said", "asked", "beside", "doubt", "exam", "learnt", "knob", "knobs")


def _files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "src/*.py", "docs/*.md", "README.md"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split() if "/assets/" not in name and (ROOT / name).exists()]


def test_no_banned_word_is_used() -> None:
    pattern = re.compile(rf"\b({'|'.join(BANNED)})\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in _files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_every_module_of_the_glossary_exists() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    named = {name for name in re.findall(r"`([a-z_*]+(?:/[a-z_*]*)*(?:\.py)?)`", text) if "/" in name or ".py" in name}
    assert [name for name in sorted(named) if not list((ROOT / "src" / "penna").glob(name.rstrip("/")))] == []
