"""Reports that libraries send home by themselves: switched off before any of them is imported. A leaf: knows os alone.

``penna/__init__`` calls ``switch_off``, so it happens before any part of Penna can import a library. A value that the
user gave a variable stays.
"""

import os
import sys

#: A library that reports, and the variable that keeps it from it.
SWITCHES = {"onnxruntime": "ORT_DISABLE_TELEMETRY", "huggingface_hub": "HF_HUB_DISABLE_TELEMETRY"}
#: Libraries that were imported before: they have read their variable already.
_earlier: set[str] = set()


def switch_off() -> None:
    """Set each library's variable, unless the user did."""
    for library, variable in SWITCHES.items():
        if not os.environ.get(variable):
            if library in sys.modules:
                _earlier.add(library)
            os.environ[variable] = "1"


def state() -> dict[str, str]:
    """Whether each library may report, and how to stop it.

    >>> set(state()) == set(SWITCHES)
    True
    """
    return {library: _of(library, variable) for library, variable in SWITCHES.items()}


def _of(library: str, variable: str) -> str:
    from penna.environment import switched

    if library in _earlier:
        return f"on, since {library} was imported before penna: import penna first, or set {variable}=1"
    value = os.environ.get(variable, "")
    return f"off ({variable}={value})" if switched(variable) else f"on, by {variable}={value}: set {variable}=1"
