"""A deadline for tests that depends on the number of questions and not on the clock."""

from penna.budget import Deadline


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
