"""Checks of a manifest before it is used. Knows names and types; opens no part and no model."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from penna.artifact.files import MANIFEST
from penna.errors import BundleError, SettingError
from penna.preprocessing.columns import types

#: Columns of a table, and characters of a column's name.
_MOST, _LONGEST = 100_000, 10_000
_NAMED = ("name", "role", "form")


def check(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Raise BundleError unless everything that other rooms read in a manifest is there, and of its type."""
    try:
        wrong = [name for name, fits in _NEEDED.items() if not fits(manifest[name])]
        wrong += [name for name, fits in _OPTIONAL.items() if name in manifest and not fits(manifest[name])]
    except (KeyError, SettingError) as error:
        raise BundleError(f"{folder / MANIFEST} is damaged or of another Penna ({error}): fit again.") from error
    if wrong:
        raise BundleError(f"{folder / MANIFEST} has a {wrong[0]!r} that no Penna has written: copy the artifact again.")
    texts, others = manifest["text_columns"], [column["name"] for column in manifest.get("columns", [])]
    if not texts and not others:
        raise BundleError(f"{folder / MANIFEST} names no columns: copy the artifact again.")
    if len({*texts, *others}) < len(texts) + len(others) or (manifest.get("pair") and len(texts) != 2):
        raise BundleError(f"{folder / MANIFEST} names a column twice, or no pair of them: copy the artifact again.")


def _name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _names(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MOST and all(map(_name, value))


def _columns(value: Any) -> bool:
    """Columns other than the text, of kinds and forms that are known. Raises SettingError for others."""
    if not isinstance(value, list) or len(value) > _MOST:
        return False
    fit = all(isinstance(c, dict) and {*_NAMED} == c.keys() and all(map(_name, c.values())) for c in value)
    return fit and all(types.known(c["role"], c["form"]) for c in value)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dict(value: Any) -> bool:
    return isinstance(value, dict)


def _lines(value: Any) -> bool:
    return isinstance(value, list) and all(map(_dict, value))


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


_NEEDED: Mapping[str, Callable[[Any], bool]] = {
    "penna": _name, "created": _name, "task": _dict, "family": _name, "files": _dict, "digest": _name,
    "text_columns": _names, "target": lambda value: _name(value) or (_names(value) and len(value) > 0),
}  # fmt: skip
_OPTIONAL: Mapping[str, Callable[[Any], bool]] = {
    "columns": _columns, "pair": _flag, "preliminary": _flag, "recipe": _text, "trial": _number, "seed": _number,
    "reach": _dict, "parity": _number, "same": _number, "metric": _name, "test": _dict, "validation": _dict,
    "members": _lines, "doubted": _text, "cleaned": _text, "reading": _names, "last": _names, "rows": _number,
    "megabytes": _number, "latency": _dict, "seconds": _number, "finished": _name,
}  # fmt: skip
