"""Environment variables and the user's folders. An empty variable counts as unset."""

import os
from pathlib import Path

_TRUE = ("1", "TRUE", "YES", "ON")
#: A path that cannot exist: a cache that keeps nothing.
NOWHERE = Path(os.devnull) / "penna"


def variable(name: str) -> str | None:
    """Return the value of a variable; None if it is unset or empty.

    >>> variable("PENNA_NO_SUCH_VARIABLE") is None
    True
    """
    return os.environ.get(name) or None


def switched(name: str) -> bool:
    """Return whether a variable is switched on: 1, true, yes or on."""
    return (variable(name) or "").strip().upper() in _TRUE


def number(name: str, default: int) -> int:
    """Return the whole number in a variable, or the default."""
    try:
        return int(variable(name) or default)
    except ValueError:
        return default


def unset() -> list[str]:
    """Return folder variables that are set but empty; libraries would read these as the working folder."""
    empty = [name for name, value in os.environ.items() if not value and name.endswith(("_HOME", "_CACHE", "_DIR"))]
    relative = variable("XDG_CACHE_HOME") is not None and not Path(os.environ["XDG_CACHE_HOME"]).is_absolute()
    return [*empty, "XDG_CACHE_HOME"] if relative else empty


def expanded(path: Path | str) -> Path:
    """Expand ``~`` and ``~user`` as shells do. Without such a home, the path is unchanged.

    >>> expanded("~no-such-user/x.csv").as_posix()
    '~no-such-user/x.csv'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no HOME and no entry of the user, or a file whose name begins with ~
        return Path(path)


def cache_folder() -> Path:
    """Return the folder of cached tokens, embeddings and measured speeds: $PENNA_CACHE, else the user's cache folder.

    If that is not writable, return a private temporary folder; ``NOWHERE`` if that fails, too.
    """
    if (named := variable("PENNA_CACHE")) is not None:
        return expanded(named)
    users = _users_cache()
    if users is not None and _writable(users):
        return users / "penna"
    return _private() or NOWHERE


def hub_cache() -> Path:
    """Return the local cache folder of the Hugging Face hub."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if (named := variable(name)) is not None:
            return expanded(named)
    if (home := variable("HF_HOME")) is not None:
        return expanded(home) / "hub"
    users = _users_cache()
    return cache_folder() / "hub" if users is None else users / "huggingface" / "hub"


def _users_cache() -> Path | None:
    """Return $XDG_CACHE_HOME if absolute (XDG Base Directory Specification), else ~/.cache."""
    named = Path(variable("XDG_CACHE_HOME") or "")
    if named.is_absolute():
        return named
    home = expanded("~")
    return home / ".cache" if home.is_absolute() else None


def _writable(folder: Path) -> bool:
    """Return whether the folder can be written or created."""
    existing = next((f for f in (folder, *folder.parents) if os.path.lexists(f)), None)
    return existing is not None and existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _private() -> Path | None:
    """Return a temporary folder that belongs to this user only; folders of other users are not trusted."""
    import tempfile

    try:
        shared = Path(tempfile.gettempdir())
        if shared == Path.cwd():  # the last fallback of tempfile: no place for a cache
            return None
        folder = shared / f"penna-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    owned = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
    return folder if owned and folder.is_dir() and not folder.is_symlink() else None
