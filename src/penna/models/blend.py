"""A weighted mean of fitted models, as one Model. It is chosen by `select`, never searched: it offers no recipes."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from penna import plugins, ragged
from penna.errors import BundleError, SettingError
from penna.models import Array, Model
from penna.table import Table

FILE = "blend.json"
MOST_MEMBERS = 32
_LARGEST = 1 << 20


class Blend:
    """Members as (family, weight, model); weights sum to one."""

    def __init__(self, members: Sequence[tuple[str, float, Model]]) -> None:
        self.members = list(members)

    def outputs(self, table: Table) -> Array:
        """(n, k) float32, or so for the parts of each row: the weighted mean of the members' outputs."""
        total: Array = sum(weight * model.outputs(table) for _, weight, model in self.members)  # type: ignore[assignment]
        return ragged.single(total)

    def save(self, folder: Path) -> None:
        lines = []
        for i, (family, weight, model) in enumerate(self.members):
            name = f"{i}-{family}"
            (folder / name).mkdir()
            model.save(folder / name)
            lines.append({"folder": name, "family": family, "weight": weight})
        (folder / FILE).write_text(json.dumps({"format": 1, "members": lines}, indent=1), encoding="utf-8")


def open(folder: Path) -> Blend:
    """Open what ``save`` wrote. Raises BundleError."""
    try:
        if (folder / FILE).stat().st_size > _LARGEST:
            raise ValueError("too large")
        lines = json.loads((folder / FILE).read_text(encoding="utf-8"))["members"]
        members = [(str(m["family"]), float(m["weight"]), str(m["folder"])) for m in lines]
        if not all(math.isfinite(weight) for _, weight, _ in members):
            raise ValueError("its weights are no numbers")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{folder / FILE} is missing or damaged ({error}): copy the artefact again.") from error
    if not 0 < len(members) <= MOST_MEMBERS:
        raise BundleError(f"{folder / FILE} names {len(members)} members: it is damaged, copy the artefact again.")
    opened = []
    for family, weight, name in members:
        if Path(name).name != name:
            raise BundleError(f"{folder / FILE} names a folder outside the artefact ({name!r}): do not use this file.")
        opened.append((family, weight, _open(family, folder / name)))
    return Blend(opened)


def _open(family: str, folder: Path) -> Model:
    try:
        model: Model = plugins.find("models", family).open(folder)
    except SettingError as error:
        raise BundleError(f"the artefact needs a model family that this Penna lacks: {error}") from error
    return model
