"""The folder is the registry: a file in a package is a plugin, found by its name.

A plugin of several files is a folder with an entry module: ``family.py``, or ``exporter.py``. ``base.py`` and files
whose name begins with an underscore are no plugins. Other packages register a module under the entry point group
``penna.<folder>``.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from penna.errors import SettingError

T = TypeVar("T")

#: The module of a folder that is the plugin.
ENTRY_MODULES = ("family", "exporter")


def names(room: str) -> list[str]:
    """Return the names of all plugins in a package (``"models"``, ``"tasks"``, ``"search"`` ...), sorted.

    >>> "linear" in names("models")
    True
    """
    return sorted({*_inside(room), *_outside(room)})


def external(room: str) -> list[str]:
    """Return the names of the plugins that other packages register, sorted."""
    return sorted(_outside(room))


def find(room: str, name: str) -> ModuleType:
    """Return the module of plugin ``name`` in ``room``.

    Raises SettingError, with the valid names, if there is none.
    """
    available = names(room)
    if name not in available:
        raise SettingError(f"there is no {name!r} in {room}: choose one of {', '.join(available)}.")
    outside = _outside(room)
    if name in outside:
        module: ModuleType = outside[name].load()
        return module
    return importlib.import_module(_inside(room)[name])


def offering(room: str, member: str) -> list[str]:
    """Return the names of all plugins in a room whose module has this member, sorted."""
    return [name for name in names(room) if member in vars(find(room, name))]


def adapt(kind: type[T], room: str, name: str) -> T:
    """Return plugin ``name`` of ``room`` as a dataclass ``kind``: its module's members, and defaults for the rest.

    Raises SettingError if nothing has that name, or if the plugin lacks a member that has no default.
    """
    module = find(room, name)
    members: dict[str, Any] = {"name": name}
    for member in fields(kind):  # type: ignore[arg-type]
        if member.name in vars(module):
            members[member.name] = vars(module)[member.name]
        elif member.default is MISSING and member.default_factory is MISSING and member.name != "name":
            raise SettingError(f"plugin {name!r} of {room} has no {member.name!r}: every {kind.__name__} needs one.")
    return kind(**members)


@cache
def _inside(room: str) -> Mapping[str, str]:
    """Return plugin -> its module. It is cached, because a fit needs it hundreds of times."""
    package = importlib.import_module(f"penna.{room}")
    modules = {}
    for module in pkgutil.iter_modules(package.__path__):
        path = f"{package.__name__}.{module.name}"
        if not module.ispkg and module.name != "base" and not module.name.startswith("_"):
            modules[module.name] = path
        elif module.ispkg:
            folder = Path(package.__path__[0]) / module.name
            for entry in ENTRY_MODULES:
                if (folder / f"{entry}.py").is_file():
                    modules[module.name] = f"{path}.{entry}"
    return modules


@cache
def _outside(room: str) -> Mapping[str, EntryPoint]:
    """Return plugins of other packages by name. It is cached, because it reads a file of every installed package."""
    return {entry.name: entry for entry in entry_points(group=f"penna.{room}")}
