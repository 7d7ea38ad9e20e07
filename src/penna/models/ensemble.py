"""A weighted mean of fitted models, as one Model. It is chosen by `select`, never searched: it offers no recipes."""

import json
from collections.abc import Sequence
from pathlib import Path

from penna import safe_load
from penna.data import ragged
from penna.data.arrays import Array
from penna.data.table import Table
from penna.models.base import Model
from penna.models.shared import load_part

DISPLAY_NAME = "A blend of models"
MARKER = "diamond"

FILE = "blend.json"
MOST_MEMBERS = 32


class Ensemble:
    """Members as (family, weight, model); weights sum to one."""

    def __init__(self, members: Sequence[tuple[str, float, Model]]) -> None:
        self.members = list(members)

    def outputs(self, table: Table) -> Array:
        """(n, k) float32, or so for the parts of each row: the weighted mean of the members' outputs."""
        total: Array = sum(weight * model.outputs(table) for _, weight, model in self.members)  # type: ignore[assignment]
        return ragged.single(total)

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        lines = []
        for i, (family, weight, model) in enumerate(self.members):
            name = _named(i, family)
            (folder / name).mkdir()
            model.save(folder / name)
            lines.append({"folder": name, "family": family, "weight": weight})
        (folder / FILE).write_text(json.dumps({"format": 1, "members": lines}, indent=1), encoding="utf-8")


def load(folder: Path) -> Ensemble:
    """Open what ``save`` wrote. Raises BundleError."""
    path = folder / FILE
    with safe_load.damaged(path):
        lines = safe_load.load_json(path)["members"]
        if not isinstance(lines, list) or not 0 < len(lines) <= MOST_MEMBERS:
            raise ValueError("it names no members, or too many")
        members = [(str(line["family"]), float(line["weight"]), line["folder"]) for line in lines]
        if not all(0 <= weight <= 1 for _, weight, _ in members) or not sum(weight for _, weight, _ in members) > 0:
            raise ValueError("its weights are no shares")
        # The names that ``save`` gives, and no others: none leads out of the folder, and none is there twice.
        if [name for *_, name in members] != [_named(i, family) for i, (family, *_) in enumerate(members)]:
            raise ValueError("it names folders that no blend has")
    return Ensemble([(family, weight, load_part.part(family, folder / name)) for family, weight, name in members])


def _named(i: int, family: str) -> str:
    return f"{i}-{family}"
