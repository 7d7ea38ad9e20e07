"""The files of a conditional random field: names of attributes as JSON, weights as safetensors. Trusts neither."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from penna import safe_load
from penna.data import word_offsets
from penna.data.arrays import Array

NAMES, WEIGHTS = "crf.json", "crf.safetensors"
_LARGEST_NAMES, _LARGEST = 256 << 20, 1 << 30


@dataclass(frozen=True, eq=False)
class Field:
    """``names`` of m attributes, their weights ``state`` (m, k) and ``transitions`` (k, k) from tag to tag, float32.

    And how attributes are found (``places``, ``features.attributes``).
    """

    names: list[str]
    state: Array
    transitions: Array
    rule: str
    affixes: int
    window: int


def save_field(folder: Path, field: Field) -> None:
    """Write a field into ``folder``."""
    from safetensors.numpy import save_file

    data = {"format": 1, "rule": field.rule, "affixes": field.affixes, "window": field.window, "names": field.names}
    (folder / NAMES).write_text(json.dumps(data, ensure_ascii=True), encoding="utf-8")
    arrays = {"state": field.state, "transitions": field.transitions}
    save_file({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}, folder / WEIGHTS)


def open_field(folder: Path) -> Field:
    """Return what ``save_field`` wrote. Raises BundleError."""
    with safe_load.damaged(folder / NAMES):
        data = safe_load.load_json(folder / NAMES, _LARGEST_NAMES)
        arrays = safe_load.load_arrays(folder / WEIGHTS, _LARGEST, {"state": np.float32, "transitions": np.float32})
        field = Field(
            data["names"], arrays["state"], arrays["transitions"], data["rule"], data["affixes"], data["window"]
        )
        _check(field)
    return field


def _check(field: Field) -> None:
    """Raise ValueError unless the parts go together."""
    if not isinstance(field.names, list) or not all(isinstance(name, str) for name in field.names):
        raise ValueError("its attributes are no names")
    k = len(field.transitions)
    if field.transitions.shape != (k, k) or field.state.shape != (len(field.names), k) or k % 2 != 1:
        raise ValueError("the sizes of its parts do not agree")
    if field.rule not in word_offsets.RULES or any(
        type(n) is not int or not 0 <= n <= 20 for n in (field.affixes, field.window)
    ):
        raise ValueError("its settings are out of range")
