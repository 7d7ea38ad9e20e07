"""Failures at the command line: each becomes one sentence on stderr and an exit code, never a traceback.

exit code 2    something that the user can put right (PennaError, files, disk, memory)
exit code 1    a fault of Penna: the sentence names a file that holds the traceback
exit code 130  interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP: 128 and the signal's number
exit code 141  the reader of our output went away

A fit that a signal stopped, and that finished with the best so far within its grace, has the exit code 0: the run is
whole. Any other code says that the same command with --resume has something left to do.

``PENNA_TRACEBACK=1`` shows every traceback.
"""

import errno
import functools
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import typer

from penna.cli import graceful_stop, standard_streams
from penna.errors import PennaError

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_USERS = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
}


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Return the same command, with every failure turned into a sentence and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            with graceful_stop.raised():
                command(*args, **options)
                sys.stdout.flush()
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            standard_streams.drop()
            raise typer.Exit(standard_streams.GONE) from None
        except KeyboardInterrupt as error:
            why = f" ({error})" if str(error) else ""
            say(f"interrupted{why}; the finished trials of a fit are kept: the same command with --resume goes on.")
            raise typer.Exit(graceful_stop.code_of(error)) from None
        except Exception as error:
            if os.environ.get("PENNA_TRACEBACK"):
                raise
            why = standard_streams.refusal()
            known = f"standard output cannot be written ({why})." if why else sentence(error)
            say(known or _unknown(error))
            raise typer.Exit(2 if known else 1) from None

    return run


def sentence(error: Exception) -> str:
    """Return what to tell the user, on one line; empty for an error that is a fault of Penna."""
    if isinstance(error, PennaError):
        return " ".join(str(error).splitlines())
    if isinstance(error, MemoryError):
        return "not enough memory for this: give fewer rows or shorter texts, or close other programs."
    if _full(error):
        where = f" that holds {error.filename}" if isinstance(error, OSError) and error.filename else ""
        return (
            f"no space is left on the disk{where}: free some and go on with --resume, "
            "or choose an --out on another disk (finished trials are kept)."
        )
    if isinstance(error, FileNotFoundError) and "temporary directory" in str(error):
        return "there is no folder for temporary files that can be written: name one with TMPDIR."
    if isinstance(error, OSError) and error.errno in _USERS and error.filename:
        return f"{error.filename}: {(error.strerror or 'not usable').lower()}; check the path and its permissions."
    return ""


def say(text: str) -> None:
    """One red line on stderr (plain where that is not a terminal, or where NO_COLOR is set)."""
    from penna.terminal.display import screen

    screen(stderr=True).print(f"error: {text}", style="red", soft_wrap=True)


def _full(error: BaseException | None) -> bool:
    """Whether this, or what led to it, is a full disk; libraries wrap it in errors of their own."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(os.strerror(number) in str(error) for number in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def _unknown(error: Exception) -> str:
    brief = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="penna-", suffix=".txt", delete=False, encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"a fault inside Penna ({brief}): set PENNA_TRACEBACK=1 to see where, and please report it."
    return f"a fault inside Penna ({brief}): please report it with the file {file.name}."
