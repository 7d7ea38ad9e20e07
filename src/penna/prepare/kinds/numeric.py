"""Numbers: float64, NaN where missing. A column's commas separate thousands, or else decimals."""

import re
from typing import Any

import numpy as np

from penna.prepare import kinds

Array = np.ndarray[Any, Any]

RANK = 1
FAILS = "no finite number"

PLAIN, COMMA = "", "comma"
_LARGEST = 1e30  # beyond, squares of float32 overflow
_CODE = re.compile(r"[+-]?0\d")  # 007 is a name made of digits
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_DECIMAL = re.compile(r"[+-]?\d+,\d+")
_AROUND = " \t\u00a0%$€£¥"


def form(cells: Array) -> str | None:
    """Decimal commas where some cell has one that separates no thousands."""
    texts = [cell.strip(_AROUND) for cell in cells if isinstance(cell, str)]
    if any(isinstance(cell, bool | np.bool_) for cell in cells) or any(map(_CODE.match, texts)):
        return None
    commas = [text for text in texts if _DECIMAL.fullmatch(text)]
    found = PLAIN if all(map(_THOUSANDS.fullmatch, commas)) else COMMA
    return found if kinds.fitting(~np.isnan(_numbers(cells, found))) else None


def read(cells: Array, form: str) -> tuple[Array, Array]:
    """Infinities and what is no number count as missing.

    >>> read(np.array(["1,200", "n/a", "3.5", "inf", None], dtype=object), "")[0].tolist()
    [1200.0, nan, 3.5, nan, nan]
    """
    values = _numbers(cells, form)
    with np.errstate(invalid="ignore"):
        values[np.abs(values) > _LARGEST] = np.nan
    said = np.fromiter((not (kinds.absent(c) or kinds.stands_in(c)) for c in cells), bool, len(cells))
    return values, said & np.isnan(values)


def blank(rows: int) -> Array:
    return np.full(rows, np.nan)


def written(values: Array) -> list[str]:
    return ["" if value != value else f"{value:.6g}" for value in values.tolist()]


def _numbers(cells: Array, form: str) -> Array:
    return np.fromiter((_number(cell, form == COMMA) for cell in cells), np.float64, len(cells))


def _number(cell: Any, comma: bool) -> float:
    if isinstance(cell, str):
        cell = cell.strip(_AROUND)
        if "," in cell:
            cell = cell.replace(",", ".") if comma else cell.replace(",", "") if _THOUSANDS.fullmatch(cell) else "x"
    elif cell is None or kinds.absent(cell):
        return float("nan")
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
