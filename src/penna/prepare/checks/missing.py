"""Missing cells, column by column, and words that stand for them."""

from collections import Counter

from penna.prepare.column import Column
from penna.prepare.sheet import Sheet
from penna.prepare.telling import Source, of_columns, percent
from penna.table import Finding

LOOKS_FOR = "missing values by column"
NEEDS = ""

_LEAST_STAND_INS = 3


def find(sheet: Sheet) -> list[Finding]:
    """Columns with missing cells, and columns where a word such as "N/A" may mean one."""
    return _told(sheet, "data") + ([] if sheet.test is None else _told(sheet.test, "test"))


def _told(sheet: Sheet, source: Source) -> list[Finding]:
    columns = list(sheet.columns.values())
    if len(sheet.table.text) > 1:  # of a single text column, empty cells are empty texts
        columns += [Column(name, cells) for name, cells in sheet.table.text.items()]
    holed = sorted((c for c in columns if c.missing.any()), key=lambda c: -int(c.missing.sum()))
    worded = [c for c in columns if c.stand_ins.sum() >= _LEAST_STAND_INS]
    return [
        *of_columns(
            "missing values", "columns with missing cells", [c.name for c in holed],
            "warning" if any(c.missing.mean() > 0.5 for c in holed) else "info", source=source,
            examples=[f"{c.name}: {c.missing.sum():,} cells, {percent(float(c.missing.mean()))}" for c in holed],
            does="keeps the rows, and reads a missing text as empty",
            change="fill them in the file",
        ),
        *of_columns(
            "missing in words", "columns where a word may stand for a missing value", [c.name for c in worded],
            "info", source=source, examples=[f"{c.name}: {_words(c)}" for c in worded],
            does="counts it as missing among numbers, as a name among names", change="empty these cells in the file",
        ),
    ]  # fmt: skip


def _words(column: Column) -> str:
    counts = Counter(column.texts[column.stand_ins])
    return ", ".join(f"{word!r} in {rows:,} rows" for word, rows in counts.most_common(3))
