"""Switch off the usage reports of libraries before any of them is imported.

``penna/__init__`` calls ``switch_off``, so it happens before any part of Penna imports a library. A variable that the
user set keeps its value.
"""

import os
import sys

#: A library that reports, and the variable that prevents it.
SWITCHES = {"onnxruntime": "ORT_DISABLE_TELEMETRY", "huggingface_hub": "HF_HUB_DISABLE_TELEMETRY"}
#: Libraries imported earlier: they have already read their variable.
_earlier: set[str] = set()


def switch_off() -> None:
    """Set each library's variable, unless the user did."""
    for library, variable in SWITCHES.items():
        if not os.environ.get(variable):
            if library in sys.modules:
                _earlier.add(library)
            os.environ[variable] = "1"


def state() -> dict[str, str]:
    """Return whether each library may report, and how to stop it.

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
