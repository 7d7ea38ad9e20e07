"""Checks of options by name: those of a fit, and those of the other public functions."""

from collections.abc import Callable, Mapping
from typing import Any

from penna import option_checks
from penna.errors import shown
from penna.fit_config import OPTIONS
from penna.option_checks import Check, in_python

#: Option -> its check. Every argument of a public function that is no data has a line here.
CHECKS: Mapping[str, Check] = {
    **{name: option.check for name, option in OPTIONS.items()},
    "folder": option_checks.FOLDER,
    "path": option_checks.FILE,
    "corpus": option_checks.CORPUS,
    "target": option_checks.TARGET,
    "label": option_checks.LABEL,
}


def settled(given: Mapping[str, Any], written: Callable[[str, Any], str] = in_python) -> dict[str, Any]:
    """Return options as Penna uses them: NumPy's scalars as Python's, names as tuples, paths as Path.

    Options without a check stay as they are.

    Parameters
    ----------
    given : mapping
        Options by name.
    written : callable
        Returns an option and its value as the user wrote them, for the message.

    Raises
    ------
    SettingError
        For the first value that is not accepted; the message names the option.

    Examples
    --------
    >>> import numpy as np
    >>> settled({"n_jobs": np.int64(2), "text": "review"})
    {'n_jobs': 2, 'text': ('review',)}
    """
    return {
        name: CHECKS[name].value(name, value, written) if name in CHECKS else value for name, value in given.items()
    }


def at_the_command_line(name: str, value: Any) -> str:
    """Return an option as it is written there.

    >>> at_the_command_line("max_size_mb", -1), at_the_command_line("families", ("linear", "forest"))
    ('--max-size-mb -1', "--families 'linear,forest'")
    """
    typed = ",".join(value) if isinstance(value, tuple) else value
    flag = OPTIONS[name].flags[0] if name in OPTIONS else f"--{name.replace('_', '-')}"
    return f"{flag.split('/')[0]} {shown(typed)}"
