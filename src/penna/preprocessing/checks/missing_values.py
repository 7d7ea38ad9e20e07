"""Missing cells of each column, and words that mean a missing value."""

from collections import Counter

from penna.data.table import Finding
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.columns.column import Column
from penna.preprocessing.data_findings import Source, of_columns, percent

LOOKS_FOR = "missing values by column"
NEEDS = ""

_LEAST_STAND_INS = 3
_FILLED = (
    "keeps the rows, fills in numbers and adds an indicator of missing ones (the search chooses how), "
    "and takes a missing name as a name of its own"
)


def find(sheet: CheckContext) -> list[Finding]:
    """Report columns with missing cells, and columns with a word such as "N/A" that may mean one."""
    return _told(sheet, "data") + ([] if sheet.test is None else _told(sheet.test, "test"))


def _told(sheet: CheckContext, source: Source) -> list[Finding]:
    columns, several = list(sheet.columns.values()), len(sheet.table.text) > 1
    # In a single text column, empty cells are empty texts.
    texts = [Column(name, cells) for name, cells in sheet.table.text.items()] if several else []
    worded = [c for c in (*columns, *texts) if c.stand_ins.sum() >= _LEAST_STAND_INS]
    return [
        *_holed("columns with missing cells", columns, source, _FILLED),
        *_holed("text columns with missing cells", texts, source, "keeps the rows, and treats a missing text as empty"),
        *of_columns(
            "missing in words", "columns with a word that may mean a missing value", [c.name for c in worded],
            "info", source=source, examples=[f"{c.name}: {_words(c)}" for c in worded],
            does="counts it as missing among numbers, as a name among names", change="empty these cells in the file",
        ),
    ]  # fmt: skip


def _holed(what: str, columns: list[Column], source: Source, does: str) -> list[Finding]:
    holed = sorted((c for c in columns if c.missing.any()), key=lambda c: -int(c.missing.sum()))
    return of_columns(
        "missing values", what, [c.name for c in holed],
        "warning" if any(c.missing.mean() > 0.5 for c in holed) else "info", source=source,
        examples=[f"{c.name}: {c.missing.sum():,} cells, {percent(float(c.missing.mean()))}" for c in holed],
        does=does, change="fill them in the file",
    )  # fmt: skip


def _words(column: Column) -> str:
    counts = Counter(column.texts[column.stand_ins])
    return ", ".join(f"{word!r} in {rows:,} rows" for word, rows in counts.most_common(3))
