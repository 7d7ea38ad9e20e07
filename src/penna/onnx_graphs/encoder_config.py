"""encoder.json: the facts about the graph of an exported encoder. Trusts no value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penna import safe_load
from penna.encoders import tokens
from penna.encoders.sliding_windows import Framing
from penna.errors import BundleError

FORMAT = 1
FACTS = "encoder.json"
FP32, INT8 = "fp32", "int8"
#: How hidden states become one vector. With "none" every token keeps its own; "sides" has the mean of each text of a
#: pair.
POOLINGS = ("mean", "cls", "max", "sqrt", "last", "none", "sides")
_MOST_UNITS = 1 << 20
_RANGES: Mapping[str, tuple[int, int]] = {
    "length": (1, _MOST_UNITS), "outputs": (1, _MOST_UNITS), "pad": (0, _MOST_UNITS), "width": (1, _MOST_UNITS),
    "depth": (1, _MOST_UNITS), "characters": (1, 1 << 31),
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """The content of encoder.json.

    ``characters`` is the most characters of a text before tokenization, as in training. ``framing`` is None if a text
    is one row of at most ``length`` tokens. ``parity`` is the largest measured difference between the graph and its
    network. ``precision`` is "fp32" or "int8"; an int8 graph keeps the parity of the fp32 graph it was made of.
    """

    length: int
    outputs: int
    pad: int
    characters: int
    pooling: str = "mean"
    width: int = 0
    kind: str = ""
    depth: int = 0
    framing: Framing | None = None
    parity: float | None = None
    unit: bool = False
    precision: str = FP32

    def to_json(self) -> dict[str, Any]:
        """Return a form for JSON."""
        defaults = {"unit": False, "precision": FP32}  # older artifacts lack these
        left_out = {"framing", *(name for name, value in defaults.items() if getattr(self, name) == value)}
        plain = {name: value for name, value in self.__dict__.items() if name not in left_out}
        return {"format": FORMAT, **plain, **({} if self.framing is None else {"framing": self.framing.to_json()})}

    @property
    def inputs(self) -> list[str]:
        """The names of the graph's inputs."""
        pairs = self.framing is not None and self.framing.sides == 2
        typed = pairs and self.framing is not None and (self.framing.frame.typed or self.pooling == "sides")
        return ["ids", "mask", "types"] if typed else ["ids", "mask"]


def read(folder: Path) -> Facts:
    """Return the facts of a folder. Raise BundleError if they are missing, damaged or too new."""
    path = folder / FACTS
    data = safe_load.load_json(path)
    with safe_load.damaged(path):
        version = int(data.pop("format"))
        if version > FORMAT:
            raise BundleError(f"{path} has format {version}, this Penna reads up to {FORMAT}: update penna.")
        names = Facts.__annotations__.keys() - {"framing", "parity", "unit", "precision"}
        facts = Facts(**{name: data[name] for name in names}, parity=data.get("parity"), unit=data.get("unit", False))
        facts = replace(facts, precision=data.get("precision", FP32))
        if "framing" in data:
            facts = replace(facts, framing=Framing.from_json(data["framing"], facts.length))
        if facts.pooling == "sides" and (facts.framing is None or facts.framing.sides != 2 or facts.outputs % 2):
            raise ValueError("it pools two sides but reads no pairs")
        for name, (least, most) in _RANGES.items():
            value = getattr(facts, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} is {value!r:.40}")
        _check_sizes(facts)
    return facts


def _check_sizes(facts: Facts) -> None:
    most = facts.length if facts.framing is None else facts.framing.most
    if facts.characters > tokens.CHARACTERS * max(tokens.CAP, most):
        raise ValueError(f"characters is {facts.characters}, more than {most} tokens need")
    if facts.pooling not in POOLINGS:
        raise ValueError(f"pooling is {facts.pooling!r:.40}")
    if facts.precision not in (FP32, INT8):
        raise ValueError(f"precision is {facts.precision!r:.40}")
    if type(facts.unit) is not bool or (facts.unit and facts.pooling in ("none", "sides")):
        raise ValueError(f"unit is {facts.unit!r:.40}")
    if type(facts.kind) is not str or type(facts.parity) not in (float, int, type(None)):
        raise ValueError("its kind or its parity is not one that Penna writes")
