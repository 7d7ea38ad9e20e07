"""translator.json: the facts about the graphs of a translation model. Trusts no value."""

from dataclasses import dataclass
from typing import Any

FORMAT = 1


@dataclass(frozen=True)
class Facts:
    """The content of translator.json.

    Attributes
    ----------
    length, target_length : int
        The most tokens of a source and of a translation.
    depth, heads, size : int
        Applied layers of the decoder, its attention heads, and the units of a head.
    pad : int
        The padding id.
    beams, penalty : int, float
        Rows of the beam search, and its length penalty.
    space : str
        Joins the translated parts of a long text.
    long : float
        Share of training rows that were too long for training.
    parts : int
        The most parts into which the source of such a row is split.
    same : float, optional
        Share of sample texts with the same translation by the graphs and their network.
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
        """Return a form for JSON."""
        return {"format": FORMAT, **self.__dict__}
