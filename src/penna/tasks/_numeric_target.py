"""Targets that are numbers: how cells become them, and when they are amounts rather than names. Knows one column."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from penna.data.arrays import Array

#: Up to so many different numbers are taken for classes.
FEW = 20
#: Whole numbers that run from 0 or 1 without a gap are taken for numbered classes, up to so many.
NUMBERED = 200
#: Cells that people write where a number is missing; compared in lower case.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?", "missing", "unknown"})

_CODE = re.compile(r"[+-]?0\d")  # 007 is a name made of digits
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_DECIMALS = re.compile(r"[+-]?\d+,\d+")


def numbers(cells: Sequence[Any]) -> Array:
    """(n,) float64, NaN where a cell is no number. A column's commas separate thousands, or else decimals.

    >>> numbers(["1,234.5", "12", "x", None]).tolist()
    [1234.5, 12.0, nan, nan]
    >>> numbers(["3,5", "12,25"]).tolist()
    [3.5, 12.25]
    """
    try:
        return np.asarray(cells, dtype=object).astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass  # some cell is none: look at each
    commas = [c.strip() for c in cells if isinstance(c, str) and _DECIMALS.fullmatch(c.strip())]
    decimal = not all(map(_THOUSANDS.fullmatch, commas))
    return np.fromiter((_number(cell, decimal) for cell in cells), np.float64, len(cells))


def _number(cell: Any, decimal: bool) -> float:
    if isinstance(cell, str):
        cell = cell.strip()
        if decimal and _DECIMALS.fullmatch(cell):
            cell = cell.replace(",", ".")
        elif _THOUSANDS.fullmatch(cell):
            cell = cell.replace(",", "")
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def absent(cell: Any) -> bool:
    """Whether a cell stands for a number that is missing."""
    return cell is None or cell != cell or (isinstance(cell, str) and cell.strip().lower() in MISSING)


def amounts(cells: Sequence[Any]) -> bool:
    """Whether a target is amounts: many different numbers, which do not number classes or rows.

    Cells that are none do not change that where they are few (1 in 20), or where most numbers occur once, so that they
    cannot be classes: they will be named.
    """
    try:
        counts = Counter(cells)
    except TypeError:  # a list in a cell
        return False
    given = [cell for cell in counts if not absent(cell)]
    if any(isinstance(c, bool | np.bool_) or (isinstance(c, str) and _CODE.match(c.strip())) for c in given):
        return False
    values = numbers(given)
    fine = np.isfinite(values)
    rows = np.array([counts[cell] for cell in given], np.int64)
    numeric, odd = int(rows[fine].sum()), int(rows[~fine].sum())
    mixed = odd > 0.05 * (numeric + odd)
    if not numeric or odd > numeric or (mixed and fine.sum() <= numeric / 2):
        return False
    return _many(values[fine], rows[fine])


def _many(values: Array, rows: Array) -> bool:
    different, n = len(values), int(rows.sum())
    if different <= FEW and different <= n / 2:
        return False
    if bool((values % 1).any()):
        return True
    gapless = bool(values.max() - values.min() + 1 == different)
    if gapless and different == n:  # a number for each row: an id
        return False
    numbered = gapless and values.min() in (0, 1) and different <= NUMBERED
    return not (numbered and int(rows.min()) > 1)
