"""A check of a tokenizer.json before native code reads it, in an artifact or in an encoder's folder.

Knows JSON; ``tokenizer_components`` lists what is allowed in it.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from penna import native_calls, safe_load
from penna.errors import BundleError

if TYPE_CHECKING:
    import tokenizers

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penna.encoders import tokenizer_components as parts

if TYPE_CHECKING:
    import tokenizers

LARGEST = 256 << 20  # bytes
_VERSION = "1.0"
_TOP = frozenset(
    {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
     "model"}
)  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """A tokenizer that is safe to load.

    ``content`` is its file, ``ids`` its largest id plus one, ``unknown`` the id of unknown text (None: there is none).
    """

    content: bytes
    ids: int
    unknown: int | None = None

    def opened(self) -> "tokenizers.Tokenizer":
        """Load it in native code, without truncation or padding. Raise what native code raises."""
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_buffer(self.content)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


def checked(content: bytes) -> Checked:
    """Return a checked tokenizer. Raise ValueError with the reason if it has unknown parts."""
    data = _parsed(content)
    if not isinstance(data, dict) or data.keys() - _TOP:
        raise ValueError("it is not a tokenizer, or has unknown parts")
    if data.get("version") != _VERSION:
        raise ValueError(f"its version is {data.get('version')!r:.40}, not {_VERSION}")
    for name, kinds, inner in (
        ("normalizer", parts.NORMALIZERS, "normalizers"),
        ("pre_tokenizer", parts.PRE_TOKENIZERS, "pretokenizers"),
        ("post_processor", parts.POST_PROCESSORS, "processors"),
        ("decoder", parts.DECODERS, "decoders"),
    ):
        if data.get(name) is not None:
            parts.typed(data[name], kinds, name, inner)
    parts.typed(_model(data.get("model")), parts.MODELS, "model")
    parts.added_tokens(data.get("added_tokens", []))
    if data.get("truncation") or data.get("padding"):  # neither is used, so native code need not see them
        content = json.dumps(data | {"truncation": None, "padding": None}, ensure_ascii=False).encode("utf-8")
    return Checked(content, _ids(data), _unknown(data["model"]))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raise ValueError for a repeated key, which parsers resolve differently."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("it has a repeated key")
    return result


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _model(model: Any) -> Any:
    """Return the model with its type, which native code infers from its keys in old files."""
    if not isinstance(model, dict) or "type" in model:
        return model
    if "merges" in model:
        return {"type": "BPE", **model}
    if isinstance(model.get("vocab"), list):
        return {"type": "Unigram", **model}
    return {"type": "WordPiece" if "max_input_chars_per_word" in model else "WordLevel", **model}


def _ids(data: Mapping[str, Any]) -> int:
    vocabulary = data["model"].get("vocab")
    if vocabulary is None:
        raise ValueError("it has no vocabulary")
    last: int = len(vocabulary) - 1 if isinstance(vocabulary, list) else max(vocabulary.values())
    added = [part["id"] for part in data.get("added_tokens", []) if "id" in part]
    special = [number for processor in _processors(data.get("post_processor")) for number in _special(processor)]
    return 1 + int(max([last, *added, *special]))


def _unknown(model: Mapping[str, Any]) -> int | None:
    if isinstance(model["vocab"], list):
        return model.get("unk_id")
    token_ids: Mapping[str, int] = model["vocab"]
    return token_ids.get(model.get("unk_token") or "")


def _processors(part: Any) -> list[Mapping[str, Any]]:
    if part is None:
        return []
    return list(part["processors"]) if part["type"] == "Sequence" else [part]


def _special(part: Mapping[str, Any]) -> list[int]:
    """Return the ids that a post-processor adds to texts."""
    pairs = [part[name][1] for name in ("sep", "cls") if name in part]
    return pairs + [number for token in part.get("special_tokens", {}).values() for number in token["ids"]]


def open_tokenizer(path: Path, vocabulary_size: int, largest: int = LARGEST) -> "tokenizers.Tokenizer":
    """Load the tokenizer of an artifact whose graph has ``vocabulary_size`` ids. Raise BundleError if it is damaged."""
    content = safe_load.content(path, largest)
    try:
        tokenizer = checked(content)
    except ValueError as error:
        raise BundleError(f"{path} is not a tokenizer that Penna wrote ({error}): do not trust it.") from error
    if tokenizer.ids > vocabulary_size:
        raise BundleError(
            f"{path} has {tokenizer.ids:,} tokens, but its graph has {vocabulary_size:,}: copy the artifact again."
        )
    with fine(path, "is damaged"):
        return tokenizer.opened()


def fine(path: Path, what: str) -> AbstractContextManager[None]:
    """Turn errors of native code about a file of an artifact into a BundleError."""
    return native_calls.caught(lambda why: BundleError(f"{path} {what} ({why}): copy the artifact again."))
