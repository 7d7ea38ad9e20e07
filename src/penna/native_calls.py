"""Calls into native code: anything it raises becomes an error of Penna.

A panic of Rust code (tokenizers, safetensors) reaches Python as a ``PanicException``, which is no ``Exception``: it
passes every ``except Exception``. Interrupts and exits of the interpreter still pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from penna.errors import PennaError

#: Names of panics: the type is not exported, and each library has its own.
_PANIC = "PanicException"


@contextmanager
def caught(made: Callable[[str], PennaError]) -> Iterator[None]:
    """Raise ``made(reason)`` for anything the body raises; errors of Penna pass unchanged.

    >>> with caught(lambda why: PennaError(f"the file is damaged ({why})")):
    ...     raise RuntimeError("no such operator")
    Traceback (most recent call last):
    penna.errors.PennaError: the file is damaged (RuntimeError: no such operator)
    """
    try:
        yield
    except PennaError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or panicked(error):
            raise made(brief(error)) from error
        raise


def panicked(error: BaseException) -> bool:
    """Return whether native code panicked."""
    return any(kind.__name__ == _PANIC for kind in type(error).__mro__)


def brief(error: BaseException) -> str:
    """Return an error's type and its first line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
