"""Values of an explanation, as ``linear`` and ``occlusion`` return them."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Word:
    """Characters ``start`` to ``end`` (the one behind the last) of a text column, as the user gave it.

    ``margin``: of a linear model, what it adds to the margin.
    """

    column: str
    start: int
    end: int
    text: str
    moved: float
    margin: float | None = None


@dataclass(frozen=True)
class Part:
    """A column and the row's ``value`` in it, "" where that is missing; a ``text`` counts its words again."""

    column: str
    value: str
    moved: float
    text: bool = False
    margin: float | None = None


@dataclass(frozen=True)
class Gram:
    """An n-gram of a linear model; ``piece``: of characters within a word. It adds ``margin`` to the margin."""

    text: str
    piece: bool
    moved: float
    margin: float | None = None


@dataclass(frozen=True)
class Moves:
    """How each part of a row moved one column of the outputs, in units of outputs."""

    output: float
    base: float
    words: tuple[Word, ...]
    columns: tuple[Part, ...]
    how: str
    grams: tuple[Gram, ...] = ()
    margin: float | None = None
    intercept: float | None = None

    def columns_moved(self) -> float:
        """Return what the columns moved that are no text."""
        return sum(part.moved for part in self.columns if not part.text)

    def scaled(self, scale: float) -> "Moves":
        """Return the same in units of which one is worth ``scale``."""
        return replace(
            self,
            output=self.output * scale,
            base=self.base * scale,
            words=tuple(replace(word, moved=word.moved * scale) for word in self.words),
            columns=tuple(replace(part, moved=part.moved * scale) for part in self.columns),
            grams=tuple(replace(gram, moved=gram.moved * scale) for gram in self.grams),
        )
