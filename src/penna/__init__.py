"""Penna: AutoML for text under a budget. Names are looked up on first use: importing this loads no library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penna.artifact.bundle import Bundle, load
    from penna.artifact.verification import verify
    from penna.automl.data_check import check
    from penna.automl.estimator import AutoText
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
    from penna.pretraining import pretrain

from penna import telemetry
from penna.version import __version__ as __version__

telemetry.switch_off()  # before anything of Penna imports a library

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
    "check",
    "load",
    "pretrain",
    "verify",
]

# Name -> where it stands, and what it is called there; the errors all stand in one module.
_HOMES = {
    "AutoText": ("penna.automl.estimator", "AutoText"),
    "Bundle": ("penna.artifact.bundle", "Bundle"),
    "check": ("penna.automl.data_check", "check"),
    "load": ("penna.artifact.bundle", "load"),
    "pretrain": ("penna.pretraining", "pretrain"),
    "verify": ("penna.artifact.verification", "verify"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'penna' has no attribute {name!r}")
    module, called = _HOMES.get(name, ("penna.errors", name))
    value = getattr(import_module(module), called)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
