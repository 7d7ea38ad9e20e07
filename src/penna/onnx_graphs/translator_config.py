"""translator.json: what a translation artefact says of its graphs. Trusts no value."""

from dataclasses import dataclass
from typing import Any

FORMAT = 1


@dataclass(frozen=True)
class Facts:
    """What translator.json says.

    ``length`` is the most tokens of a source, ``target_length`` the most of an output; ``depth`` the layers of the
    decoder as often as they are applied, ``size`` the units of each of its ``heads``; ``space`` what parts of a long
    text are joined with; ``long`` the share of training rows too long to be trained on, whose sources are read in up to
    so many ``parts``; ``same`` the share of sample texts to which the graphs gave what the network they were written
    from says, where they were compared.
    """

    length: int
    target_length: int
    depth: int
    heads: int
    size: int
    pad: int
    beams: int = 1
    penalty: float = 1.0
    space: str = " "
    long: float = 0.0
    parts: int = 1
    same: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {"format": FORMAT, **self.__dict__}
