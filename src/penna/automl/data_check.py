"""Checking: what is wrong with a table, before any training. Reads, computes what checks look at, and runs them all."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from penna import environment, hardware, tasks
from penna.automl import inputs
from penna.automl.run_checks import CheckRun
from penna.budget import Deadline, Resources
from penna.data import readers
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.readers.format_options import MAX_EXPANDED
from penna.data.table import Finding, Table
from penna.errors import PennaError
from penna.fit_config import CHECK_BUDGET, OPTIONS, FitConfig
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
    budget: str | float | timedelta | Deadline = CHECK_BUDGET,
    n_jobs: int | None = None,
    random_state: int = 0,
) -> Checkup:
    """Find problems of a table before any training.

    Writes nothing but the cache of embeddings.

    Parameters
    ----------
    source : str, path, DataFrame or sequence
        The data: a file, a DataFrame or texts.
    y : object, optional
        The labels, or the name of the target column.
    text, text_pair, numeric_columns, categorical_columns, date_columns, multi_value_columns, ignore_columns : optional
        Names of columns, as for ``AutoText``.
    group_column, weight_column : str, optional
        Columns of groups and of weights, as for ``AutoText``.
    test : str, path, DataFrame or sequence, optional
        Rows of a test set, to be compared with those of ``source``.
    task, separator, tag_names : str, optional
        The task, the separator between the labels of a cell, and the names of tags, as for ``AutoText``.
    encoding, header, max_expanded : optional
        How files are read, as for ``AutoText``.
    encoders : sequence of str
        Folders or hub names of encoders. Default: the encoder that Penna ships.
    budget : str, float, timedelta or Deadline
        Time for all checks, or a deadline that is running.
    n_jobs, random_state : int
        Number of cores (default: all), and seed.

    Returns
    -------
    Checkup
        The findings, what was checked, and what was skipped.

    Raises
    ------
    TableError
        If the source cannot be read.
    SettingError
        For an option that is not accepted.

    Examples
    --------
    >>> texts = [f"{word} film number {i}" for i in range(30) for word in ("good", "bad")]
    >>> found = check([*texts, "good film number 7"], ["good", "bad"] * 30 + ["good"], budget=10)
    >>> [(finding.kind, finding.rows) for finding in found.findings if finding.kind == "repeated text"]
    [('repeated text', (61,))]
    """
    options = {name: value for name, value in dict(locals()).items() if name in OPTIONS}
    running = options.pop("budget") if isinstance(budget, Deadline) else None
    config = FitConfig(**options)
    return _checked(source, y, test, running or Deadline(config.budget), config)


def _checked(source: Any, y: Any, test: Any, deadline: Deadline, config: FitConfig) -> Checkup:
    form = config.form
    with threadpool_limits(config.n_jobs):
        named = {role: getattr(config, f"{role}_columns") for role in schema.NAMED}
        roles = schema.requested_roles(**named, **{sample_weights.ROLE: config.weight_column})
        by_name = isinstance(y, str)
        sheet, notes = _sheet(
            source, roles, text=config.text, text_pair=config.text_pair, target=y if by_name else None,
            group=config.group_column, y=None if by_name else y,
            apart=tuple(name for name in roles if name != inputs.ALL),
            separator=config.separator, form=form, tag_names=config.tag_names,
        )  # fmt: skip
        table = sheet.table
        if test is not None:
            pair = table.pair and table.pair[1]
            asked_too, _ = _sheet(
                test, roles, text=tuple(table.text), text_pair=pair, target=table.target_columns, form=form
            )
            sheet = replace(sheet, test=asked_too)
        settled, task, inferred_notes = _settled(table, config.task)
        sheet = _taken(sheet, config.task)
        table = sheet.table
        if settled is not None and task is not None:
            strata, classes = _strata(table, settled, task)
            sheet = sheet.found(strata=strata, classes=classes)
        threads = config.n_jobs or hardware.cores()
        run = CheckRun(sheet, settled, task, Resources(environment.cache_folder(), deadline, threads))
        run.quick()
        run.find_label_errors(config.encoders, config.random_state)
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
