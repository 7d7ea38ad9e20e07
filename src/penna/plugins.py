"""The folder is the registry: a file in a room is a plugin, found by its name. A leaf.

Outsiders register a module under the entry point group ``penna.<room>``.
"""

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType

from penna.errors import SettingError


def names(room: str) -> list[str]:
    """Names of all plugins in a room (``"models"``, ``"tasks"``, ``"search"`` ...), sorted.

    >>> "linear" in names("models")
    True
    """
    package = importlib.import_module(f"penna.{room}")
    inside = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    outside = {e.name for e in entry_points(group=f"penna.{room}")}
    return sorted(inside | outside)


def find(room: str, name: str) -> ModuleType:
    """The module that implements plugin ``name`` of ``room``.

    Raises SettingError, naming what there is, when nothing has that name.
    """
    known = names(room)
    if name not in known:
        raise SettingError(f"there is no {name!r} in {room}: choose one of {', '.join(known)}.")
    for entry in entry_points(group=f"penna.{room}"):
        if entry.name == name:
            module: ModuleType = entry.load()
            return module
    return importlib.import_module(f"penna.{room}.{name}")
