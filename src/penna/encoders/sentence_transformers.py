"""The settings of a sentence-transformers folder: pooling, normalization and the longest text.

Knows its JSON files (modules.json, 1_Pooling/config.json, sentence_bert_config.json); trusts none.
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
#: Pooling in sentence-transformers -> pooling in Penna.
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
    """The folder of the transformer, and how its hidden states become vectors.

    ``pooling`` is "" if not stated. ``unit`` means normalized vectors. ``length`` is the most tokens of a text, or 0.
    """

    folder: Path
    pooling: str = ""
    unit: bool = False
    length: int = 0


def read(name: str, folder: Path) -> Sentence:
    """Return the settings of a folder. Raise EncoderError, which names the module, if one is not supported."""
    modules = _modules(name, folder)
    if not modules:
        inner = folder / _OLD if not (folder / "config.json").is_file() and (folder / _OLD).is_dir() else folder
        place = folder / "1_Pooling"
        own = _pooling(name, place) if (place / "config.json").is_file() else ""
        return Sentence(inner, own, length=_length(name, folder, inner))
    (first, path), *others = modules
    if first not in ("Transformer", "BERT", "RoBERTa", "DistilBERT", "ALBERT", "CamemBERT", "XLMRoBERTa"):
        raise _refused(name, folder, f"starts with a module {first!r:.60}, not with a transformer")
    pooling, unit = "", False
    for kind, place in others:
        if kind == "Pooling":
            pooling = _pooling(name, place)
        elif kind == "Normalize":
            unit = True
        elif kind != "Dropout":  # it changes no vector outside of training
            what = f"has a module {kind!r:.60} ({place.name}) after its pooling, which Penna does not support"
            raise _refused(name, folder, f"{what}; remove it from {MODULES} to use the encoder without it")
    return Sentence(path, pooling, unit, _length(name, folder, path))


def _modules(name: str, folder: Path) -> list[tuple[str, Path]]:
    """Return kind and folder of each module in order; none if there is no modules.json."""
    if not (folder / MODULES).is_file():
        return []
    modules = _load(name, folder / MODULES)
    if not isinstance(modules, list) or not 0 < len(modules) <= _MOST_MODULES:
        raise _refused(name, folder, f"has no list of modules in {MODULES}")
    return [_module(name, folder, part) for part in modules]


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
        raise _refused(name, folder, "has a config.json that is not an object")
    named = config.get("pooling_mode")
    listed = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    modes = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True] or listed
    poolings = [_MODES.get(mode) or _NAMES.get(mode) for mode in map(str, modes)]
    if len(modes) != 1 or poolings[0] is None:
        names = " and ".join(str(mode)[:60] for mode in modes) or "nothing"
        known_names = ", ".join(_NAMES)
        raise _refused(name, folder, f"is pooled by {names}, and Penna supports only one of {known_names}")
    return str(poolings[0])


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
