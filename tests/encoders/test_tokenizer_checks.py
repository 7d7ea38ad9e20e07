"""Tokenizers that Penna did not write, in an artifact or in an encoder's folder: refused before they are opened."""

import base64
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from penna import native_calls
from penna.encoders import checkpoints, sentencepiece_charsmap, tokenizer_file
from penna.errors import BundleError, EncoderError
from penna.export.onnx import encoder_export
from penna.runtime.onnx_encoder import Graph

Json = dict[str, Any]


@pytest.fixture(scope="module")
def artifact(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint = checkpoints.find(str(tiny("bert")))
    folder = tmp_path_factory.mktemp("artifact")
    encoder_export.write_graph(checkpoints.load_module(checkpoint), checkpoint, folder, length=48)
    return folder


@pytest.fixture
def whole(artifact: Path) -> Json:
    made: Json = json.loads((artifact / "tokenizer.json").read_text(encoding="utf-8"))
    return made


def trie(*units: int) -> str:
    """A table of characters with these first units, and the text "a" behind it."""
    table = np.zeros(256, "<u4")
    table[: len(units)] = units
    return base64.b64encode((1024).to_bytes(4, "little") + table.tobytes() + b"a\0").decode()


def replacing(pattern: Json, content: str) -> Json:
    return {"type": "Replace", "pattern": pattern, "content": content}


def steps(*parts: Json) -> Json:
    return {"type": "Sequence", "normalizers": list(parts)}


def precompiled(table: str) -> Json:
    return {"type": "Precompiled", "precompiled_charsmap": table}


WORD = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
FOREIGN: dict[str, tuple[str, Any]] = {
    "a table that is cut short": ("normalizer", precompiled("/////w==")),
    "a table that points outside itself": ("normalizer", precompiled(trie(0xFFFFFC00))),
    "a table that points outside its texts": ("normalizer", precompiled(trie(2 << 10, 0, 0, 0x100 | 1, 9 | 1 << 31))),
    "a table of no base64": ("normalizer", precompiled("ä")),
    "every character by a thousand": ("normalizer", replacing({"Regex": "."}, "a" * 1000)),
    "growth, letter by letter": ("normalizer", replacing({"String": "a"}, "aa")),
    "growth, by a form that Unicode makes long": ("normalizer", replacing({"String": "a"}, "\ufdfa")),
    "nothing, replaced": ("normalizer", replacing({"String": ""}, "a")),
    "an expression that goes back and forth": ("normalizer", replacing({"Regex": "(a+)+$"}, "")),
    "two tables": ("normalizer", steps(precompiled(trie(0)), precompiled(trie(0)))),
    "a sequence in a sequence": ("normalizer", steps(steps())),
    "too many steps": ("normalizer", steps(*[{"type": "NFC"}] * 100)),
    "an unknown normaliser": ("normalizer", {"type": "Custom"}),
    "a setting that no normaliser has": ("normalizer", {"type": "NFC", "times": 3}),
    "a long prefix": ("normalizer", {"type": "Prepend", "prepend": "a" * 1000}),
    "bytes of bytes": (
        "pre_tokenizer",
        {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": True}] * 9},
    ),
    "an unknown splitter": ("pre_tokenizer", {"type": "Delimiter"}),
    "a split by an expression": ("pre_tokenizer", {"type": "Split", "pattern": {"Regex": "(a|a)*"}}),
    "a text that comes ten times": (
        "post_processor",
        {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}] * 10},
    ),
    "a special token that stands for a million": (
        "post_processor",
        {
            "type": "TemplateProcessing",
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2] * 100, "tokens": ["[CLS]"] * 100}},
        },
    ),
    "ids that the graph does not know": ("model", WORD | {"vocab": {"[UNK]": 1, "a": 160}}),
    "ids that no graph knows": ("model", WORD | {"vocab": {"[UNK]": 1, "a": 1 << 40}}),
    "ids below nothing": ("model", WORD | {"vocab": {"[UNK]": 1, "a": -1}}),
    "ids twice": ("model", WORD | {"vocab": {"[UNK]": 1, "a": 1}}),
    "ids that are texts": ("model", WORD | {"vocab": {"[UNK]": "1"}}),
    "no vocabulary": ("model", WORD),
    "an empty vocabulary": ("model", WORD | {"vocab": {}}),
    "no unknown token": ("model", WORD | {"vocab": {"a": 1}}),
    "a very long token": ("model", WORD | {"vocab": {"[UNK]": 1, "a" * 10_000: 2}}),
    "all pieces of long words": ("model", WORD | {"vocab": {"[UNK]": 1}, "max_input_chars_per_word": 1 << 30}),
    "an answer by chance": ("model", {"type": "BPE", "dropout": 0.5, "vocab": {"a": 0}, "merges": []}),
    "a score that is no number": ("model", {"type": "Unigram", "unk_id": 0, "vocab": [["a", "b"]]}),
    "pieces that are no pairs": ("model", {"type": "Unigram", "unk_id": 0, "vocab": [["a"]]}),
    "an unknown model": ("model", {"type": "Neural"}),
    "no model": ("model", None),
    "an added token without content": (
        "added_tokens",
        [{"id": 0, "content": "", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True}],
    ),
    "added tokens that are no list": ("added_tokens", {}),
    "a decoder that lets texts grow": ("decoder", replacing({"String": "a"}, "aa")),
    "another version": ("version", "2.0"),
    "something more": ("plugin", {"path": "/tmp/x.so"}),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_tokenizer_of_an_artifact_is_refused(what: str, artifact: Path, whole: Json, tmp_path: Path) -> None:
    name, part = FOREIGN[what]
    shutil.copytree(artifact, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").write_text(json.dumps(whole | {name: part}), encoding="utf-8")
    with pytest.raises(BundleError, match=r"tokenizer\.json") as caught:
        Graph.open(tmp_path, threads=1).run(["a film"])
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("what", ["every character by a thousand", "a table that is cut short", "no vocabulary"])
def test_foreign_tokenizer_is_refused_with_its_folder(what: str, tiny_bert: Path, whole: Json, tmp_path: Path) -> None:
    name, part = FOREIGN[what]
    shutil.copytree(tiny_bert, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").write_text(json.dumps(whole | {name: part}), encoding="utf-8")
    with pytest.raises(EncoderError, match=r"tokenizer cannot be read \(.*\): put .* into " + str(tmp_path)):
        checkpoints.load_tokenizer(checkpoints.find(str(tmp_path)))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"nothing", b"\xff{}", b"[" * 100_000, b'{"version": "1.0", "version": "1.0"}', b'{"a": NaN}'],
)
def test_what_is_no_tokenizer_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        tokenizer_file.checked(content)


def test_a_panic_becomes_an_error_and_an_interrupt_does_not() -> None:
    with pytest.raises(EncoderError, match="PanicException"), native_calls.caught(EncoderError):
        _panic()
    for passing in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(passing), native_calls.caught(EncoderError):
            raise passing
    with pytest.raises(BundleError, match="as it is"), native_calls.caught(EncoderError):
        raise BundleError("as it is")


def _panic() -> None:
    """A table of characters that points outside itself: what the check keeps away from native code."""
    tokenizers.normalizers.Precompiled(base64.b64decode(trie(0xFFFFFC00))).normalize_str("a")


def test_kinds_of_all_architectures_pass(whole: Json) -> None:
    """As converters of transformers write them."""
    spaces = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    quotes = [replacing({"String": "``"}, '"'), replacing({"String": "''"}, '"')]
    albert = whole | {
        "normalizer": steps(*quotes, {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"},
                            replacing({"Regex": " {2,}"}, " ")),
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, spaces]},
        "decoder": spaces,
        "model": {"type": "Unigram", "unk_id": 1, "vocab": [["<pad>", 0.0], ["<unk>", 0], ["▁a", -1.5]]},
    }  # fmt: skip
    special = {"sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False}
    roberta = {
        "version": "1.0",
        "truncation": {"max_length": 128, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {"strategy": {"Fixed": 128}, "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": {"type": "RobertaProcessing", **special},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        # files of old name no type
        "model": {"dropout": None, "unk_token": None, "vocab": {"<s>": 0, "<pad>": 1, "</s>": 2, "a": 3, "b": 4,
                                                                "ab": 5}, "merges": ["a b"]},
    }  # fmt: skip
    opened = [tokenizer_file.checked(json.dumps(data).encode()) for data in (whole, albert, roberta)]
    assert [one.ids for one in opened] == [160, 5, 6]
    assert [one.unknown for one in opened] == [1, 1, None]
    assert opened[2].opened().encode("ab").ids == [0, 5, 2]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64), st.lists(st.integers(0, 2**32 - 1), max_size=12), st.text("aé\0ﷺ", max_size=6))
def test_a_table_that_passes_never_panics(key: bytes, units: list[int], texts: str) -> None:
    table = np.zeros(256, "<u4")
    table[: len(units)] = units
    raw = (1024).to_bytes(4, "little") + table.tobytes() + texts.encode()
    try:
        sentencepiece_charsmap.check(base64.b64encode(raw).decode())
    except ValueError:
        return
    tokenizers.normalizers.Precompiled(raw).normalize_str(key.decode("utf-8", "replace"))


def test_a_table_that_replaces_a_letter_passes() -> None:
    # from the root (base 256 ^ 0 would be far: offset 0) the byte "b" leads to a leaf that points at the text "a"
    table = np.zeros(512, "<u4")
    table[0] = 256 << 10  # the root's base is 256
    table[256 ^ ord("b")] = ord("b") | 0x100 | (1 << 10)  # a leaf behind it, at its place ^ 1
    table[(256 ^ ord("b")) ^ 1] = 1 << 31  # points at the first text
    raw = (2048).to_bytes(4, "little") + table.tobytes() + b"a\0"
    sentencepiece_charsmap.check(base64.b64encode(raw).decode())
    assert tokenizers.normalizers.Precompiled(raw).normalize_str("abc") == "aac"
    longer = raw[:-2] + b"aa\0"
    with pytest.raises(ValueError, match="SentencePiece never writes"):
        sentencepiece_charsmap.check(base64.b64encode(longer).decode())


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names")
def test_a_pipe_in_place_of_a_tokenizer_is_refused(artifact: Path, tmp_path: Path) -> None:
    import os

    shutil.copytree(artifact, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").unlink()
    os.mkfifo(tmp_path / "tokenizer.json")
    with pytest.raises(BundleError, match="no regular file"):
        Graph.open(tmp_path, threads=1)
