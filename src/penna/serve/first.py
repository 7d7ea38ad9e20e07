"""The first rows of a file, of any size, as a model reads them."""

from typing import Any

from penna.prepare import columns
from penna.reading import INFERRED, Form, stream
from penna.serve.batch import Predictor
from penna.table import Finding, Table


def first(model: Predictor, source: Any, rows: int, form: Form = INFERRED) -> tuple[Table, bool, list[Finding]]:
    """At most so many rows, whether there are more, and what was odd. Raises TableError."""
    findings: list[Finding] = []
    parts = stream(
        source, text=model.text_columns, pair=model.pair, others=tuple(model.fields), chunk=rows, keep_columns=False,
        findings=findings, form=form,
    )  # fmt: skip
    table, said = columns.replay(next(parts).table, model.fields)
    more = next(parts, None) is not None  # at its end, the stream says what was odd
    return table, more, [*findings, *said]
