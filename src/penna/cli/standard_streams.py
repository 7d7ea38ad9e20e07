"""The standard streams of a command: closed ones, readers that go away, disks that are full.

A reader that goes away (``| head``) ends a command by the exit code 141, which shells give for SIGPIPE. A standard
output that cannot be written is an error. Nobody hears of a standard error that cannot be written, and work goes on.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: The exit code of a command whose reader went away.
GONE = 141


class _Patient(io.TextIOWrapper):
    """Standard error: where it cannot be written any more, what is written is dropped."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            _drop(2)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _drop(2)


class _Noting(io.FileIO):
    """The file below standard output: why it could not be written is noted, whoever wrote."""

    why = ""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            _Noting.why = error.strerror or str(error)
            raise


def settle() -> None:
    """Open closed streams, so that no file takes their numbers, and write what a terminal cannot show as a sign."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # a standard output that is opened for reading refuses what is written, as a closed one does
            os.open(os.devnull, os.O_RDWR if number == 2 else os.O_RDONLY)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    file = io.BufferedWriter(_Noting(1, "wb", closefd=False))
    sys.stdout = io.TextIOWrapper(file, *_way(sys.stdout), line_buffering=file.isatty())
    below = io.BufferedWriter(io.FileIO(2, "wb", closefd=False))
    sys.stderr = _Patient(below, *_way(sys.stderr), line_buffering=True)


def _way(stream: Any) -> tuple[str, str]:
    """Return the encoding of a stream, and how it handles characters that it lacks."""
    return getattr(stream, "encoding", None) or "utf-8", "replace"


def refusal() -> str:
    """Why standard output cannot be written, or ""."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    if _Noting.why:
        drop()
    return _Noting.why


def drop() -> None:
    """Let standard output lead nowhere: Python would complain once more when it flushes it at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError, io.UnsupportedOperation):
        _drop(sys.stdout.fileno())


@contextmanager
def settled() -> Iterator[None]:
    """Around a whole command line, whose parser prints too: help and versions."""
    settle()
    try:
        yield
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):
            drop()
            raise SystemExit(GONE) from None
        if refusal() and not left.code:
            _refuse()
        raise
    except OSError:
        if not refusal():
            raise
        _refuse()


def _refuse() -> None:
    print(f"error: standard output cannot be written ({_Noting.why}).", file=sys.stderr)
    raise SystemExit(2) from None


def _drop(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
