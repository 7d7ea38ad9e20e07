"""The files of a conditional random field: names of attributes as JSON, weights as safetensors. Trusts neither."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna import places
from penna.errors import BundleError

Array = np.ndarray[Any, Any]

NAMES, WEIGHTS = "crf.json", "crf.safetensors"
_LARGEST = 1 << 30


@dataclass(frozen=True, eq=False)
class Field:
    """``names`` of m attributes, their weights ``state`` (m, k) and ``transitions`` (k, k) from tag to tag, float32;
    and how attributes are found (``places``, ``features.attributes``)."""

    names: list[str]
    state: Array
    transitions: Array
    rule: str
    affixes: int
    window: int


def save_field(folder: Path, field: Field) -> None:
    from safetensors.numpy import save_file

    said = {"format": 1, "rule": field.rule, "affixes": field.affixes, "window": field.window, "names": field.names}
    (folder / NAMES).write_text(json.dumps(said, ensure_ascii=True), encoding="utf-8")
    arrays = {"state": field.state, "transitions": field.transitions}
    save_file({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}, folder / WEIGHTS)


def open_field(folder: Path) -> Field:
    """What ``save_field`` wrote. Raises BundleError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        for name in (NAMES, WEIGHTS):
            if (folder / name).stat().st_size > _LARGEST:
                raise ValueError(f"{name} is larger than any that Penna writes")
        said = json.loads((folder / NAMES).read_text(encoding="utf-8"))
        arrays = load_file(folder / WEIGHTS)
        field = Field(
            said["names"], arrays["state"], arrays["transitions"], said["rule"], said["affixes"], said["window"]
        )
        _check(field)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise BundleError(
            f"{folder / NAMES} or its weights are missing or damaged ({error}): copy the artefact again."
        ) from error
    return field


def _check(field: Field) -> None:
    """Raise ValueError unless the parts go together."""
    if not isinstance(field.names, list) or not all(isinstance(name, str) for name in field.names):
        raise ValueError("its attributes are no names")
    k = field.transitions.shape[-1]
    if field.transitions.shape != (k, k) or field.state.shape != (len(field.names), k) or k % 2 != 1:
        raise ValueError("the sizes of its parts do not agree")
    if not all(a.dtype == np.float32 and np.isfinite(a).all() for a in (field.state, field.transitions)):
        raise ValueError("its weights are not finite float32")
    if field.rule not in places.RULES or any(
        type(n) is not int or not 0 <= n <= 20 for n in (field.affixes, field.window)
    ):
        raise ValueError("its settings are out of range")
