"""A tokenizer.json, looked at before native code sees it: in an artefact, and in an encoder's folder.

Knows JSON; what may be in it says ``tokenizer_parts``.
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
    """A tokenizer that may be opened: its file, one more than the largest of its ids, and the id of what it does not
    know, None where it knows all.
    """

    content: bytes
    ids: int
    unknown: int | None = None

    def opened(self) -> "tokenizers.Tokenizer":
        """Return the same in native code; neither cuts nor pads. Raises whatever that raises."""
        import tokenizers

        made = tokenizers.Tokenizer.from_buffer(self.content)
        made.no_truncation()
        made.no_padding()
        return made


def checked(content: bytes) -> Checked:
    """Raise ValueError, with the reason, unless a tokenizer is made of known parts alone."""
    data = _parsed(content)
    if not isinstance(data, dict) or data.keys() - _TOP:
        raise ValueError("it is no tokenizer, or has parts that no tokenizer has")
    if data.get("version") != _VERSION:
        raise ValueError(f"its version is {data.get('version')!r:.40}, not {_VERSION}")
    for name, known, inner in (
        ("normalizer", parts.NORMALIZERS, "normalizers"),
        ("pre_tokenizer", parts.PRE_TOKENIZERS, "pretokenizers"),
        ("post_processor", parts.POST_PROCESSORS, "processors"),
        ("decoder", parts.DECODERS, "decoders"),
    ):
        if data.get(name) is not None:
            parts.typed(data[name], known, name, inner)
    parts.typed(_model(data.get("model")), parts.MODELS, "model")
    parts.added_tokens(data.get("added_tokens", []))
    if data.get("truncation") or data.get("padding"):  # neither is used, so that native code need not see them
        content = json.dumps(data | {"truncation": None, "padding": None}, ensure_ascii=False).encode("utf-8")
    return Checked(content, _ids(data), _unknown(data["model"]))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a key that comes twice would be one thing here and another to who reads it next."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name comes twice in it")
    return made


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _model(model: Any) -> Any:
    """Files of old do not say of what kind their model is: native code tells by what is there, and so does this."""
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
    known: Mapping[str, int] = model["vocab"]
    return known.get(model.get("unk_token") or "")


def _processors(part: Any) -> list[Mapping[str, Any]]:
    if part is None:
        return []
    return list(part["processors"]) if part["type"] == "Sequence" else [part]


def _special(part: Mapping[str, Any]) -> list[int]:
    """Return the ids that a post-processor puts around texts."""
    pairs = [part[name][1] for name in ("sep", "cls") if name in part]
    return pairs + [number for token in part.get("special_tokens", {}).values() for number in token["ids"]]


def open_tokenizer(path: Path, known: int, largest: int = LARGEST) -> "tokenizers.Tokenizer":
    """Return a tokenizer of an artefact whose graph knows so many ids. Raises BundleError."""
    content = safe_load.content(path, largest)
    try:
        found = checked(content)
    except ValueError as error:
        raise BundleError(f"{path} is not a tokenizer that Penna wrote ({error}): do not trust it.") from error
    if found.ids > known:
        raise BundleError(f"{path} has {found.ids:,} tokens where its graph knows {known:,}: copy the artefact again.")
    with fine(path, "is damaged"):
        return found.opened()


def fine(path: Path, what: str) -> AbstractContextManager[None]:
    """Whatever native code raises about a file of an artefact, as a BundleError."""
    return native_calls.caught(lambda why: BundleError(f"{path} {what} ({why}): copy the artefact again."))
