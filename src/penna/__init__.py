"""Penna: AutoML for text under a budget. Names are looked up on first use: importing this loads no library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penna.auto import AutoText, load
    from penna.bundle import Bundle
    from penna.errors import (
        BundleError,
        EncoderError,
        MissingExtra,
        PennaError,
        RunError,
        SettingError,
        TableError,
        TaskError,
    )

__version__ = "0.1.0"

__all__ = [
    "AutoText",
    "Bundle",
    "BundleError",
    "EncoderError",
    "MissingExtra",
    "PennaError",
    "RunError",
    "SettingError",
    "TableError",
    "TaskError",
    "load",
]

_HOMES = {"AutoText": "penna.auto", "load": "penna.auto", "Bundle": "penna.bundle"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'penna' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "penna.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
