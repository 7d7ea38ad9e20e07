"""The caller's expectations of a source: columns that it knows by name, and how to read the bytes."""

from dataclasses import dataclass

from penna.data.readers.format_options import INFERRED, Form


@dataclass(frozen=True)
class SourceOptions:
    """The columns that the caller expects.

    Attributes
    ----------
    text, roles, apart : names
        Text columns; target and group; columns that are no text.
    form : Form
        How to read the bytes.
    target : bool
        Whether the source must hold a target.
    served : bool
        Whether the rows are for a model, whose columns these are.
    """

    text: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    target: bool = False
    form: Form = INFERRED
    served: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all expected columns."""
        return (*self.text, *self.roles, *self.apart)
