"""Resources for a fit in a test, and a deadline that depends on the number of calls and not on the clock."""

from pathlib import Path

from penna.budget import Deadline, Resources


def make_resources(cache: Path, seconds: float = 300.0) -> Resources:
    """Return resources of one thread, with this folder for caches and this many seconds.

    Examples
    --------
    >>> make_resources(Path("cache"), 0.0).deadline.over()
    True
    """
    return Resources(cache, Deadline(seconds), 1)


class CountdownDeadline(Deadline):
    """A deadline that is over after a number of calls of ``left``, however fast the machine is.

    A test can then check that a loop stops at its deadline, without an assertion on seconds.

    Parameters
    ----------
    calls : int
        How many calls of ``left`` find time.

    Attributes
    ----------
    late : int
        Number of calls after the end. A loop that obeys makes few of them.

    Examples
    --------
    >>> deadline = CountdownDeadline(1)
    >>> deadline.over(), deadline.over(), deadline.late
    (False, True, 1)
    """

    def __init__(self, calls: int) -> None:
        super().__init__(3600.0)
        self.calls, self.late = calls, 0

    def left(self) -> float:
        """Return an hour while calls are left, then less than zero."""
        self.calls -= 1
        if self.calls >= 0:
            return self.seconds
        self.late += 1
        return -1.0

    def before(self, reserve: float) -> "CountdownDeadline":
        """Return this deadline: a reserve of seconds has no meaning here."""
        return self
