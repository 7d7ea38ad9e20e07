"""Files of an artifact: what Penna writes is read, and anything else gets one sentence before it costs anything."""

import io
import json
import os
import zipfile

import numpy as np
import pytest

from penna import safe_load
from penna.errors import BundleError

GOOD = {"weights": np.ones((2, 3), np.float32), "k": np.array(5)}


def zipped(arrays=None, *, how=zipfile.ZIP_STORED, **raw):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for name, array in (arrays or {}).items():
            one = io.BytesIO()
            np.save(one, array)
            archive.writestr(f"{name}.npy", one.getvalue())
        for name, content in raw.items():
            archive.writestr(f"{name}.npy", content)
    return made.getvalue()


def npy(header):
    line = str(header).ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line


@pytest.mark.parametrize("name", ["a.npz", "a.safetensors"])
def test_arrays_come_back_as_they_were_written(tmp_path, name):
    from safetensors.numpy import save_file

    save_file(GOOD, tmp_path / "a.safetensors")
    np.savez(tmp_path / "a.npz", **GOOD)
    found = safe_load.load_arrays(tmp_path / name, 1 << 20, {"weights": np.float32})
    assert found.keys() == GOOD.keys()
    assert all((found[key] == GOOD[key]).all() and found[key].shape == GOOD[key].shape for key in GOOD)


def test_column_major_array_keeps_its_order(tmp_path):
    array = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    np.savez(tmp_path / "a.npz", array=array)
    assert (safe_load.load_arrays(tmp_path / "a.npz", 1 << 20)["array"] == array).all()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (zipped({"a": np.zeros(100_000)}, how=zipfile.ZIP_DEFLATED), "compressed"),
        (zipped(a=npy({"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})), "another size"),
        (zipped(a=npy({"descr": "<f8", "fortran_order": False, "shape": (-1,)})), "array of type"),
        (zipped(a=npy({"descr": "|O", "fortran_order": False, "shape": (0,)})), "array of type"),
        (zipped(a=b"\x93NUMPY\x09\x00"), "format"),
        (zipped(a=b""), "magic string"),
        (zipped({f"a{i}": np.zeros(1) for i in range(100)}), "too many"),
        (zipped({"a": np.zeros(3)})[:-30], "BadZipFile"),
        (b"", "BadZipFile"),
        (b"PK\x05\x06" + bytes(18), "lacks a"),
        (zipped({"a": np.array([1, np.nan], np.float32)}), "no finite number"),
        (zipped({"a": np.zeros(3, np.float64)}), "of type float64"),
    ],
)
def test_npz_files_that_penna_never_writes_are_refused(tmp_path, content, why):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BundleError, match=why):
        safe_load.load_arrays(tmp_path / "a.npz", 1 << 20, {"a": np.float32})


def header(**arrays):
    said = json.dumps(arrays).encode()
    return len(said).to_bytes(8, "little") + said


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        (1 << 62).to_bytes(8, "little") + b"{}",
        header(**{"__metadata__": {"a": "x" * (9 << 20)}}),
        header(a={"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}),
        header(a={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}) + bytes(4),
        header(a={"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}) + bytes(4),
        header(a={"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}) + np.float32(np.inf).tobytes(),
        header(**{f"a{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100)}),
    ],
)
def test_safetensors_files_that_penna_never_writes_are_refused(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        safe_load.load_arrays(tmp_path / "a.safetensors", 64 << 20, {"a": np.float32})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[" * 10_000 + "]" * 10_000, "nested too deep"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "nested too deep"),
        ('{"a": ' + "[" * 20 + "]" * 20 + "}", "nested too deep"),
        ('{"a": ' + "9" * 4000 + "}", "4000 digits"),
        ('{"a": 9223372036854775808}', "19 digits"),
        ('{"a": 1e999}', "no finite number"),
        ('{"a": NaN}', "no finite number"),
        ('{"a": -Infinity}', "no finite number"),
        ("[1]", "no JSON object"),
        ("", "JSONDecodeError"),
        (b"\xff\xfe", "UnicodeDecodeError"),
        ('{"a": "' + "x" * 70_000 + '"}', "more than Penna"),
    ],
)
def test_json_that_penna_never_writes_is_refused(tmp_path, content, why):
    (tmp_path / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BundleError, match=why):
        safe_load.load_json(tmp_path / "a.json", 70_000)


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / "real.json").write_text("{}")
    (tmp_path / "link.json").symlink_to("real.json")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("link", "folder", "pipe"):
        with pytest.raises(BundleError, match="no regular file"):
            safe_load.load_json(tmp_path / f"{name}.json")
    with pytest.raises(BundleError, match="is missing"):
        safe_load.load_json(tmp_path / "absent.json")


def test_a_large_file_costs_nothing(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(BundleError, match="more than Penna ever writes"):
        safe_load.load_json(tmp_path / "a.json")
