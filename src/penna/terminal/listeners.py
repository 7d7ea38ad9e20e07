"""Who hears of a fit's events: nobody, the console, an object of the user's, or a function."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from penna.budget import Deadline
from penna.option_parsing import KEYWORDS, calls


class Listener(Protocol):
    """Gets the events of a fit."""

    def event(self, kind: str, **data: Any) -> None:
        """Hear what happens, as it happens."""
        ...


class Silent:
    """Progress that nobody watches."""

    def event(self, kind: str, **data: Any) -> None:
        """Take one event."""
        return


class Calling:
    """Calls a function with ``(kind, **data)``, or with ``(kind, data)`` where it takes no keywords."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.keywords = function, calls(function, *KEYWORDS)

    def event(self, kind: str, **data: Any) -> None:
        """Take one event."""
        if self.keywords:
            self.function(kind, **data)
        else:
            self.function(kind, data)


def heard(progress: Any, shown: Callable[[], Listener]) -> Listener:
    """Whom ``progress`` names; True is what ``shown`` makes."""
    if progress is True:
        return shown()
    if progress is None or progress is False:
        return Silent()
    listener: Listener = progress if hasattr(progress, "event") else Calling(progress)
    return listener


@contextmanager
def watching(progress: Any, deadline: Deadline) -> Iterator[Listener]:
    """Yield the same of a fit: True shows its progress in a terminal or a notebook, as long as the fit takes."""
    if progress is True:
        from penna.terminal.progress import Console

        with Console(deadline) as console:
            yield console
    else:
        yield heard(progress, Silent)
