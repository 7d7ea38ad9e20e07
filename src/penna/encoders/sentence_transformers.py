"""What a sentence-transformers folder holds about vectors.

How they are pooled, whether they have length one, how long a text may be. Knows its JSON files (modules.json,
1_Pooling/config.json, sentence_bert_config.json); trusts none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from penna.errors import EncoderError

MODULES = "modules.json"
_OLD = "0_Transformer"
_LENGTHS = ("sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
            "sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
            "sentence_xlnet_config.json")  # fmt: skip
_LARGEST = 1 << 20  # bytes
_MOST_MODULES = 16
#: How sentence-transformers calls a pooling -> how it is called here.
_MODES: Mapping[str, str] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "sqrt",
    "pooling_mode_lasttoken": "last",
}
_NAMES: Mapping[str, str] = {"cls": "cls", "mean": "mean", "max": "max", "mean_sqrt_len_tokens": "sqrt",
                             "lasttoken": "last"}  # fmt: skip


@dataclass(frozen=True)
class Sentence:
    """Where the transformer is, and what becomes of its hidden states.

    ``pooling``, ``unit`` where vectors are brought to length one, ``length`` the most tokens of a text. What the folder
    does not give is "" or 0.
    """

    folder: Path
    pooling: str = ""
    unit: bool = False
    length: int = 0


def read(name: str, folder: Path) -> Sentence:
    """Raise EncoderError, which names the module, where something happens to vectors that cannot be done here."""
    modules = _modules(name, folder)
    if not modules:
        inner = folder / _OLD if not (folder / "config.json").is_file() and (folder / _OLD).is_dir() else folder
        place = folder / "1_Pooling"
        own = _pooling(name, place) if (place / "config.json").is_file() else ""
        return Sentence(inner, own, length=_length(name, folder, inner))
    (first, path), *others = modules
    if first not in ("Transformer", "BERT", "RoBERTa", "DistilBERT", "ALBERT", "CamemBERT", "XLMRoBERTa"):
        raise _refused(name, folder, f"begins with a module {first!r:.60}, and not with a transformer")
    pooling, unit = "", False
    for kind, place in others:
        if kind == "Pooling":
            pooling = _pooling(name, place)
        elif kind == "Normalize":
            unit = True
        elif kind != "Dropout":  # it does nothing to a vector outside of training
            what = f"has a module {kind!r:.60} ({place.name}) after its pooling, which is not applied here"
            raise _refused(name, folder, f"{what}; take it out of {MODULES} to do without it")
    return Sentence(path, pooling, unit, _length(name, folder, path))


def _modules(name: str, folder: Path) -> list[tuple[str, Path]]:
    """Kind and folder of each module, in their order; none where there is no such file."""
    if not (folder / MODULES).is_file():
        return []
    found = _load(name, folder / MODULES)
    if not isinstance(found, list) or not 0 < len(found) <= _MOST_MODULES:
        raise _refused(name, folder, f"has no list of modules in {MODULES}")
    return [_module(name, folder, part) for part in found]


def _module(name: str, folder: Path, part: Any) -> tuple[str, Path]:
    kind, path = (part.get("type"), part.get("path")) if isinstance(part, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(path, str):
        raise _refused(name, folder, f"has a module without a type or a path in {MODULES}")
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
        raise _refused(name, folder, f"has a module outside its folder ({path[:60]}) in {MODULES}")
    return kind.rsplit(".", 1)[-1], folder / path


def _pooling(name: str, folder: Path) -> str:
    config = _load(name, folder / "config.json")
    if not isinstance(config, dict):
        raise _refused(name, folder, "has a config.json that is no object")
    named = config.get("pooling_mode")
    listed = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    modes = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True] or listed
    known = [_MODES.get(mode) or _NAMES.get(mode) for mode in map(str, modes)]
    if len(modes) != 1 or known[0] is None:
        names = " and ".join(str(mode)[:60] for mode in modes) or "nothing"
        known_names = ", ".join(_NAMES)
        raise _refused(name, folder, f"is pooled by {names}, and only one of {known_names} can be done here")
    return str(known[0])


def _length(name: str, folder: Path, inner: Path) -> int:
    for place in dict.fromkeys((inner, folder)):
        for file in _LENGTHS:
            if (place / file).is_file():
                config = _load(name, place / file)
                most = config.get("max_seq_length") if isinstance(config, dict) else None
                return most if type(most) is int and most > 0 else 0
    return 0


def _load(name: str, path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise EncoderError(f"encoder {name!r}: {path} cannot be read ({why}): get the folder again.") from error


def _refused(name: str, folder: Path, what: str) -> EncoderError:
    return EncoderError(f"encoder {name!r} {what} (see {folder}).")
