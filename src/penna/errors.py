"""The errors of Penna, in one tree.

PennaError                 exit code 2 at the command line, one sentence, no traceback
├── TableError             the rows or columns given cannot be used
├── TaskError              the target does not fit what was requested
├── SettingError           an option has a value that cannot work
├── EncoderError           a checkpoint is missing, damaged or unsuited
├── BundleError            an artifact is missing, damaged, too new, or failed its own check
├── RunError               a run folder exists already, or does not hold what is needed
└── MissingExtra           a package that this command needs is not installed

Every message says what is wrong and what to do about it.
"""

from penna.escaping import visible


class PennaError(Exception):
    """Something that the user can put right; the message says how, and can be shown in a terminal as it is."""

    def __str__(self) -> str:
        return "\n".join(map(visible, super().__str__().split("\n")))


class TableError(PennaError, ValueError):
    """The rows or columns given cannot be used."""


class TaskError(PennaError, ValueError):
    """The target does not fit what was requested."""


class SettingError(PennaError, ValueError):
    """An option has a value that cannot work."""


class EncoderError(PennaError):
    """A checkpoint is missing, damaged or unsuited."""


class BundleError(PennaError):
    """An artifact is missing, damaged, too new, or failed its own check."""


class RunError(PennaError):
    """A run folder exists already, or does not hold what is needed."""


class MissingExtra(PennaError, ImportError):
    """A package that this command needs is not installed."""

    def __init__(self, package: str, what_for: str, command: str = "") -> None:
        command = command or f'pip install "{package}"'
        super().__init__(f"{what_for} needs {package} (not installed): {command}.")


def shown(value: object, most: int = 60) -> str:
    """Return a value as a message shows it: on one line, not too long, whatever it is.

    >>> shown("a\\nb"), shown([1] * 100)[-4:]
    ("'a\\\\nb'", ', 1…')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of too many digits; whatever a stranger's repr raises
        return f"(a {type(value).__name__})"
    return text if len(text) <= most else f"{text[: most - 1]}…"
