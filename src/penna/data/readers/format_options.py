"""Options for reading the bytes of a file, checked."""

import re
from dataclasses import dataclass
from typing import Any

from penna.errors import SettingError, shown

MAX_EXPANDED = "20GB"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 3, "m": 6, "g": 9, "t": 12}


@dataclass(frozen=True)
class Form:
    """How to read the bytes of a file.

    Attributes
    ----------
    encoding : str, optional
        A name that Python knows; inferred if None.
    header : bool, optional
        Whether the first line of a CSV or TSV file names its columns; inferred if None.
    max_expanded : int
        The number of bytes that a compressed file may expand to.
    """

    encoding: str | None = None
    header: bool | None = None
    max_expanded: int = 20 * 10**9

    @classmethod
    def of(
        cls, encoding: str | None = None, header: bool | None = None, max_expanded: str | float = MAX_EXPANDED
    ) -> "Form":
        """Return the form of these settings. Raises SettingError for an invalid one."""
        if header not in (None, True, False):
            raise SettingError(f"header={shown(header)} cannot work: write True, False, or None to infer it.")
        return cls(_known(encoding), header, parse_bytes(max_expanded))


INFERRED = Form()


def parse_bytes(size: Any) -> int:
    """Convert a number or text such as "500MB" to bytes. Raises SettingError.

    >>> parse_bytes("1.5 GB"), parse_bytes("300k"), parse_bytes(2e9)
    (1500000000, 300000, 2000000000)
    """
    match = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    if match:
        return int(float(match[1]) * 10 ** _POWERS[match[2].lower()])
    if isinstance(size, int | float) and not isinstance(size, bool) and 0 < size < 1e18:
        return int(size)
    raise SettingError(f"max_expanded={shown(size)} cannot work: give a size such as 500MB or 20GB.")


def _known(encoding: str | None) -> str | None:
    if encoding is None:
        return None
    try:
        "a".encode(encoding)  # an empty string would not look up the encoding
    except (LookupError, UnicodeError, TypeError, ValueError, AttributeError):
        raise SettingError(
            f"encoding={shown(encoding)} is unknown: pass a name such as utf-8, cp1252, mac_roman, utf-16, "
            "shift_jis or gb18030."
        ) from None
    return encoding
