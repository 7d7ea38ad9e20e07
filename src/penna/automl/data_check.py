"""Checking: what is wrong with a table, before any training. Reads, computes what checks look at, and runs them all."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from penna import environment, fit_options, hardware, tasks
from penna.automl import inputs
from penna.automl.run_checks import CheckRun
from penna.budget import Deadline, Resources
from penna.data import readers
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.readers.format_options import MAX_EXPANDED, Form
from penna.data.table import Finding, Table
from penna.errors import PennaError
from penna.preprocessing import sample_weights
from penna.preprocessing import validate as refusing
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.columns import schema
from penna.preprocessing.columns.column import Column
from penna.tasks.base import Task

_RANK = {"error": 0, "warning": 1, "info": 2}
#: Kinds of reading findings that a check reports in more detail.
_TOLD_AGAIN = ("blank",)


@dataclass(frozen=True)
class Checkup:
    """What was found, the gravest first; what was looked for; and what was not, with the reason.

    findings  their ``rows`` are all rows concerned, as numbered in the file
    looked    check -> what it looks for
    models    recipes that the labels were doubted with
    """

    rows: int
    test_rows: int
    columns: Mapping[str, str]
    task: str
    findings: tuple[Finding, ...]
    looked: Mapping[str, str]
    models: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        found = {name: value for name, value in asdict(self).items() if name not in ("findings", "skipped")}
        skipped = [{"what": what, "reason": reason} for what, reason in self.skipped]
        return {**found, "findings": [asdict(finding) for finding in self.findings], "skipped": skipped}


def check(
    source: Any,
    y: Any = None,
    *,
    text: Sequence[str] | str | None = None,
    text_pair: str | None = None,
    numeric_columns: Sequence[str] | str = (),
    categorical_columns: Sequence[str] | str = (),
    date_columns: Sequence[str] | str = (),
    multi_value_columns: Sequence[str] | str = (),
    ignore_columns: Sequence[str] | str = (),
    group_column: str | None = None,
    weight_column: str | None = None,
    test: Any = None,
    task: str = "auto",
    separator: str | None = None,
    tag_names: Sequence[str] | str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    max_expanded: str | float = MAX_EXPANDED,
    encoders: Sequence[str] = (),
    budget: str | float | timedelta | Deadline = "60s",
    n_jobs: int | None = None,
    random_state: int = 0,
) -> Checkup:
    """All checks of ``prepare/checks`` on a table (a file, a DataFrame, texts), and on test rows where there are some.

    ``y`` is the target's column, or labels; roles of columns and forms of files are named as for ``AutoText``;
    ``budget`` seconds, or a deadline that is running. Encoders are those that came with Penna where none is named.
    Nothing is written but the cache of embeddings. Raises TableError where the source cannot be read at all.

    >>> texts = [f"{word} film number {i}" for i in range(30) for word in ("good", "bad")]
    >>> found = check([*texts, "good film number 7"], ["good", "bad"] * 30 + ["good"], budget=10)
    >>> [(finding.kind, finding.rows) for finding in found.findings if finding.kind == "repeated text"]
    [('repeated text', (61,))]
    """
    given = {
        "text": text, "text_pair": text_pair, "numeric_columns": numeric_columns,
        "categorical_columns": categorical_columns, "date_columns": date_columns,
        "multi_value_columns": multi_value_columns, "ignore_columns": ignore_columns, "group_column": group_column,
        "weight_column": weight_column, "task": task, "separator": separator, "tag_names": tag_names,
        "encoders": encoders, "encoding": encoding, "header": header, "max_expanded": max_expanded, "n_jobs": n_jobs,
        "random_state": random_state,
    }  # fmt: skip
    if not isinstance(budget, Deadline):
        budget = Deadline(fit_options.settled({"budget": budget})["budget"])
    return _checked(source, y, test, budget, fit_options.settled(given))


def _checked(source: Any, y: Any, test: Any, deadline: Deadline, given: Mapping[str, Any]) -> Checkup:
    form = Form.of(given["encoding"], given["header"], given["max_expanded"])
    with threadpool_limits(given["n_jobs"]):
        named = {role: given[f"{role}_columns"] for role in schema.NAMED}
        roles = schema.requested_roles(**named, **{sample_weights.ROLE: given["weight_column"]})
        by_name = isinstance(y, str)
        sheet, notes = _sheet(
            source, roles, text=given["text"], text_pair=given["text_pair"], target=y if by_name else None,
            group=given["group_column"], y=None if by_name else y,
            apart=tuple(name for name in roles if name != inputs.ALL),
            separator=given["separator"], form=form, tag_names=given["tag_names"],
        )  # fmt: skip
        table = sheet.table
        if test is not None:
            pair = table.pair and table.pair[1]
            asked_too, _ = _sheet(
                test, roles, text=tuple(table.text), text_pair=pair, target=table.target_columns, form=form
            )
            sheet = replace(sheet, test=asked_too)
        settled, task, inferred_notes = _settled(table, given["task"])
        sheet = _taken(sheet, given["task"])
        table = sheet.table
        if settled is not None and task is not None:
            strata, classes = _strata(table, settled, task)
            sheet = sheet.found(strata=strata, classes=classes)
        threads = given["n_jobs"] or hardware.cores()
        run = CheckRun(sheet, settled, task, Resources(environment.cache_folder(), deadline, threads))
        run.quick()
        run.find_label_errors(given["encoders"] or (), given["random_state"])
        run.late()
    looked = {finding.kind for finding in run.findings}  # a check says more of its kind than a fit does
    found = [*(finding for finding in inferred_notes if finding.kind not in looked), *notes, *run.findings]
    return Checkup(
        rows=len(table),
        test_rows=0 if sheet.test is None else len(sheet.test),
        columns={name: roles.get(name, role) for name, role in table.roles.items()},
        task="" if task is None else task.name,
        findings=tuple(sorted(found, key=lambda finding: (_RANK[finding.severity], -finding.count))),
        looked=run.looked,
        models=run.models,
        skipped=tuple(run.skipped),
        seconds=round(deadline.spent(), 2),
    )


def _sheet(source: Any, named: Mapping[str, str], **roles: Any) -> tuple[CheckContext, list[Finding]]:
    """Return the texts and the target as a table, the other columns, and what reading has to say."""
    table, notes = readers.read(source, others=None, **roles)
    weight = sample_weights.column(named, None)
    if weight in roles.get("apart", ()):  # of test rows every one counts
        table, weighing = sample_weights.weighed(table, weight)
        notes = [*notes, *weighing]
    named = {name: role for name, role in named.items() if name != weight}
    columns = {
        name: Column(name, cells, named.get(name, ""))
        for name, cells in table.columns.items()
        if name != weight and named.get(name, "") != schema.IGNORE and inputs.ALL not in named
    }
    wanted = {name: role for name, role in named.items() if name != inputs.ALL}
    inferred_roles = {} if inputs.ALL in named else schema.typed(table, wanted)[0].roles
    table = replace(table, roles={**table.roles, **inferred_roles})
    if table.text:  # models find suspicious labels by the text alone
        table = replace(table, columns={})
    return CheckContext(table, columns), [note for note in notes if note.kind not in _TOLD_AGAIN]


def _taken(sheet: CheckContext, name: str) -> CheckContext:
    """With the target's cells as the task takes them: where rows may have no label, an empty cell lacks nothing.

    And whether it reads texts as they are.
    """
    try:
        module = tasks.recognised(name, sheet.table)[0]
        as_is = module.IS_SPAN_TASK
        test = sheet.test and replace(sheet.test, table=module.parse_target(sheet.test.table), as_is=as_is)
        return replace(sheet, table=module.parse_target(sheet.table), test=test, as_is=as_is)
    except PennaError:  # ``_settled`` says why
        return sheet


def _settled(table: Table, name: str) -> tuple[Table | None, Task | None, list[Finding]]:
    """Return the rows that ``fit`` could use and its task, or why it would refuse; and its notes."""
    findings: list[Finding] = []
    for rare in ("error", "drop"):  # what a flag can mend is no reason to look no further
        hint = ""
        try:
            module, inferred = tasks.recognised(name, table)
            hint = module.hint_for(table)
            settled, found = refusing.check(module.parse_target(table), rare=rare, settle=module.prepare_target)
            notes = [Finding("task", inferred)] if inferred else []
            return settled, module.from_table(settled), [*findings, *notes, *found]
        except PennaError as error:
            finding = Finding(
                "refused",
                f"{error} {hint}".strip(),
                1,
                (),
                "error",
                does="refuses to fit",
                change="do what the sentence says",
            )
            findings = findings or [finding]
    return None, None, findings


def _strata(table: Table, settled: Table, task: Task) -> tuple[Array, tuple[Any, ...]]:
    """(n,) the class of each row and the labels, those of single rows too; of a quantity its bins and no label."""
    places = np.searchsorted(table.rows, settled.rows)
    out = np.full(len(table), -1, np.int64)
    out[places] = task.strata(settled)
    if task.output_kind != OutputKind.CLASS_PROBABILITIES or table.target is None:
        return out, ()  # numbers, or labels that do not exclude one another
    lone = [i for i in np.flatnonzero(out < 0) if table.target[i] is not None and table.target[i] != ""]
    labels: dict[str, int] = {str(label): j for j, label in enumerate(task.classes)}
    for i in lone:
        out[i] = labels.setdefault(str(table.target[i]), len(labels))
    return out, (*task.classes, *list(labels)[len(task.classes) :])
