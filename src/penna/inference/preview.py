"""The first rows of a file, of any size, as a model reads them."""

from typing import Any

from penna.data.readers.read_table import INFERRED, Form, stream
from penna.data.table import Finding, Table
from penna.inference.batch_predict import Predictor
from penna.preprocessing.columns import schema


def first(model: Predictor, source: Any, rows: int, form: Form = INFERRED) -> tuple[Table, bool, list[Finding]]:
    """At most so many rows, whether there are more, and what was odd. Raises TableError."""
    findings: list[Finding] = []
    parts = stream(
        source, text=model.text_columns, pair=model.pair, others=tuple(model.fields), chunk=rows, keep_columns=False,
        findings=findings, form=form,
    )  # fmt: skip
    table, replay_findings = schema.replay(next(parts).table, model.fields)
    more = next(parts, None) is not None  # at its end, the stream says what was odd
    return table, more, [*findings, *replay_findings]
