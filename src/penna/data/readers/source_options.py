"""What is requested of a source: the columns that the caller knows by name, and how its bytes are read. A leaf."""

from dataclasses import dataclass

from penna.data.readers.format_options import INFERRED, Form


@dataclass(frozen=True)
class SourceOptions:
    """``text``, ``roles`` (target, group) and ``apart`` are names of columns that the caller expects; ``target``.

    Whether the source must hold a target. ``served``: the rows are for a model, whose columns these are.
    """

    text: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    target: bool = False
    form: Form = INFERRED
    served: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.text, *self.roles, *self.apart)
