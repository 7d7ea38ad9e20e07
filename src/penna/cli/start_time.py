"""When the command began, on the monotonic clock, if a process runs it alone: a budget covers loading Python, too."""

at: float | None = None
