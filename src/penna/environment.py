"""What the environment says: its variables, and the folders of the user. An empty variable is an unset one. A leaf."""

import os
from pathlib import Path

_TRUE = ("1", "TRUE", "YES", "ON")
#: A folder that cannot be: a cache that keeps nothing.
NOWHERE = Path(os.devnull) / "penna"


def variable(name: str) -> str | None:
    """Return the value of a variable; None where it is unset or empty.

    >>> variable("PENNA_NO_SUCH_VARIABLE") is None
    True
    """
    return os.environ.get(name) or None


def switched(name: str) -> bool:
    """Whether a variable says yes: 1, true, yes or on."""
    return (variable(name) or "").strip().upper() in _TRUE


def number(name: str, default: int) -> int:
    """Return a variable that holds a whole number; the default where it holds none."""
    try:
        return int(variable(name) or default)
    except ValueError:
        return default


def unset() -> list[str]:
    """Variables of folders that hold no folder: libraries would take an empty one for the working folder."""
    empty = [name for name, value in os.environ.items() if not value and name.endswith(("_HOME", "_CACHE", "_DIR"))]
    relative = variable("XDG_CACHE_HOME") is not None and not Path(os.environ["XDG_CACHE_HOME"]).is_absolute()
    return [*empty, "XDG_CACHE_HOME"] if relative else empty


def expanded(path: Path | str) -> Path:
    """Return the path with ``~`` and ``~user`` replaced, as shells do it.

    Where there is no such home it stays as it is.

    >>> expanded("~no-such-user/x.csv").as_posix()
    '~no-such-user/x.csv'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no HOME and no entry of the user, or a file whose name begins with ~
        return Path(path)


def cache_folder() -> Path:
    """Where tokens, embeddings and measured speeds are kept: $PENNA_CACHE, else the user's cache folder.

    Where that cannot be written, a private folder among temporary files; ``NOWHERE`` where there is none either.
    """
    if (named := variable("PENNA_CACHE")) is not None:
        return expanded(named)
    users = _users_cache()
    if users is not None and _writable(users):
        return users / "penna"
    return _private() or NOWHERE


def hub_cache() -> Path:
    """Where the Hugging Face hub's files are kept on this machine."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if (named := variable(name)) is not None:
            return expanded(named)
    if (home := variable("HF_HOME")) is not None:
        return expanded(home) / "hub"
    users = _users_cache()
    return cache_folder() / "hub" if users is None else users / "huggingface" / "hub"


def _users_cache() -> Path | None:
    """$XDG_CACHE_HOME, which must be absolute to count (XDG Base Directory Specification), else ~/.cache."""
    named = Path(variable("XDG_CACHE_HOME") or "")
    if named.is_absolute():
        return named
    home = expanded("~")
    return home / ".cache" if home.is_absolute() else None


def _writable(folder: Path) -> bool:
    """Whether the folder can be written, or made."""
    there = next((f for f in (folder, *folder.parents) if os.path.lexists(f)), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _private() -> Path | None:
    """Return a folder among temporary files that belongs to this user alone; what others made there is not believed."""
    import tempfile

    try:
        shared = Path(tempfile.gettempdir())
        if shared == Path.cwd():  # the last place where tempfile looks: a cache has no business there
            return None
        folder = shared / f"penna-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    owned = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
    return folder if owned and folder.is_dir() and not folder.is_symlink() else None
