"""The folder of an artifact: what is written stays whole, and what is read says what is wrong with it."""

import hashlib
import json
import os
import random
import shutil
import stat

import pytest

from penna import atomic_folders
from penna.artifact import files
from penna.errors import BundleError


def written(place, said):
    place.mkdir()
    (place / files.MANIFEST).write_text(said, encoding="utf-8")
    return place


def test_a_folder_takes_the_place_of_another(tmp_path):
    old, new = written(tmp_path / "model", "old"), written(tmp_path / "new", "new")
    atomic_folders.swap(new, old)
    assert (old / files.MANIFEST).read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_old_folder_returns_if_the_new_one_cannot_move(tmp_path):
    old = written(tmp_path / "model", "old")
    with pytest.raises(FileNotFoundError):
        atomic_folders.swap(tmp_path / "nowhere", old)
    assert (old / files.MANIFEST).read_text() == "old"


def test_what_a_kill_left_aside_is_not_lost(tmp_path):
    aside = written(tmp_path / ".model-old", "old")
    with pytest.raises(FileNotFoundError):
        atomic_folders.swap(tmp_path / "nowhere", tmp_path / "model")
    assert not aside.exists()
    assert (tmp_path / "model" / files.MANIFEST).read_text() == "old"


def whole(place, **said):
    """A folder with one part, and its manifest."""
    (place / files.PARTS).mkdir(parents=True)
    (place / files.PARTS / "weights.json").write_text("[1]")
    files.write_manifest(place, {"format": files.FORMAT, **said}, f"# A card\n\nIts digest is {files.BLANK}.\n")
    return place


def test_a_manifest_begins_with_its_digest_and_the_card_names_it(tmp_path):
    made = whole(tmp_path / "model", labels=["a", "b", files.BLANK])
    said = files.read_manifest(made)
    raw = (made / files.MANIFEST).read_bytes()
    assert said["digest"] == hashlib.sha256(raw.replace(said["digest"].encode(), files.BLANK.encode())).hexdigest()
    assert f"Its digest is {said['digest']}." in (made / files.CARD).read_text()
    files.check_files(made, said, card=True)


@pytest.mark.parametrize("number", [1, 2])
def test_formats_without_a_digest_are_refused_by_name(tmp_path, number):
    with pytest.raises(BundleError, match=f"format {number}, .* has no digest of its own, fit again"):
        files.read_manifest(written(tmp_path / "model", json.dumps({"format": number})))


def test_flipped_bits_of_a_manifest_are_refused(tmp_path):
    made = whole(tmp_path / "model", labels=["é", "b"], scores=[1e-05, 2.5])
    path, raw = made / files.MANIFEST, (made / files.MANIFEST).read_bytes()
    for bit in random.Random(0).sample(range(8 * len(raw)), 500):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(BundleError):
            files.read_manifest(made)


def test_manifest_must_be_equal_byte_by_byte(tmp_path):
    made = whole(tmp_path / "model", labels=["a"])
    said = json.loads((made / files.MANIFEST).read_bytes())
    (made / files.MANIFEST).write_text(json.dumps(said))
    with pytest.raises(BundleError, match="digest does not fit"):
        files.read_manifest(made)


def test_a_changed_card_is_refused_where_the_card_matters(tmp_path):
    made = whole(tmp_path / "model")
    (made / files.CARD).write_text("# Another")
    files.check_files(made, files.read_manifest(made))
    with pytest.raises(BundleError, match=r"README\.md is not what was written"):
        files.check_files(made, files.read_manifest(made), card=True)


def linked(parts):
    (parts / "weights.json").rename(parts.parent / "away.json")
    (parts / "weights.json").symlink_to("../away.json")


def deep(parts):
    (parts / "/".join("d" * 20)).mkdir(parents=True)


def many(parts):
    for i in range(4100):
        (parts / str(i)).touch()


def large(parts):
    with (parts / "weights.json").open("ab") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (linked, "no regular file"),
        (lambda parts: os.mkfifo(parts / "pipe"), "no regular file"),
        (lambda parts: (parts / "link").symlink_to("/"), "no regular file"),
        (deep, "too deep"),
        (many, "more than 4,096 files"),
        (large, "more than Penna ever writes"),
        (lambda parts: (parts / "weights.json").unlink(), "lacks 'parts/weights.json'"),
        (lambda parts: (parts / "weights.json").write_text("[2]"), "checksum differs"),
        (lambda parts: (parts / "new").touch(), "which its manifest does not know"),
        (shutil.rmtree, "is missing"),
    ],
)
def test_changed_parts_are_refused_before_they_are_read(tmp_path, spoil, why):
    made = whole(tmp_path / "model")
    spoil(made / files.PARTS)
    with pytest.raises(BundleError, match=why):
        files.check_files(made, files.read_manifest(made))


def test_all_files_of_a_folder_have_the_modes_of_new_ones(tmp_path):
    made = whole(tmp_path / "model")
    made.chmod(0o700)
    (made / files.PARTS / "weights.json").chmod(0o600)
    before = os.umask(0o027)
    try:
        atomic_folders.level(made)
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (made, *made.rglob("*"))}
    assert modes == {"model": 0o750, "parts": 0o750, "weights.json": 0o640, "manifest.json": 0o640, "README.md": 0o640}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"format": files.FORMAT + 1}, "update penna"),
        ({"format": files.FORMAT}, "digest does not fit"),
        ({"format": 0}, "no Penna has written"),
        ({"format": True}, "no Penna has written"),
        ({"format": float("inf")}, "damaged"),
        ({"format": []}, "damaged"),
        ({}, "damaged"),
        ([], "damaged"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_unknown_formats_and_damaged_manifests_get_a_sentence(tmp_path, said, why):
    content = said if isinstance(said, str) else json.dumps(said)
    with pytest.raises(BundleError, match=why):
        files.read_manifest(written(tmp_path / "model", content))
