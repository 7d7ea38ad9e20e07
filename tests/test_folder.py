"""The folder of an artefact: what is written stays whole, and what is read says what is wrong with it."""

import json

import pytest

from penna import folder
from penna.errors import BundleError


def written(place, said):
    place.mkdir()
    (place / folder.MANIFEST).write_text(said, encoding="utf-8")
    return place


def test_a_folder_takes_the_place_of_another(tmp_path):
    old, new = written(tmp_path / "model", "old"), written(tmp_path / "new", "new")
    folder.swap(new, old)
    assert (old / folder.MANIFEST).read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_where_the_new_one_cannot_be_moved_the_old_one_comes_back(tmp_path):
    old = written(tmp_path / "model", "old")
    with pytest.raises(FileNotFoundError):
        folder.swap(tmp_path / "nowhere", old)
    assert (old / folder.MANIFEST).read_text() == "old"


def test_what_a_kill_left_aside_is_not_lost(tmp_path):
    aside = written(tmp_path / ".model-old", "old")
    with pytest.raises(FileNotFoundError):
        folder.swap(tmp_path / "nowhere", tmp_path / "model")
    assert not aside.exists()
    assert (tmp_path / "model" / folder.MANIFEST).read_text() == "old"


@pytest.mark.parametrize("number", [1, folder.FORMAT])
def test_known_formats_are_read(tmp_path, number):
    assert folder.read_manifest(written(tmp_path / "model", json.dumps({"format": number})))["format"] == number


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"format": folder.FORMAT + 1}, "update penna"),
        ({"format": 0}, "no Penna has written"),
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
        folder.read_manifest(written(tmp_path / "model", content))
