"""Check a table before any training: read it, compute what the checks need, and run them all."""

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
from penna.preprocessing import sample_weights, validate
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.columns import schema
from penna.preprocessing.columns.column import Column
from penna.tasks.base import Task

_RANK = {"error": 0, "warning": 1, "info": 2}
#: Kinds of reading findings that a check reports in more detail.
_REPEATED = ("blank",)


@dataclass(frozen=True)
class Checkup:
    """The result of ``penna.check``.

    Attributes
    ----------
    rows, test_rows : int
        Number of rows.
    columns : mapping
        Column -> role.
    task : str
        Name of the task, "" if the target fits none.
    findings : tuple of Finding
        The most severe first. ``rows`` are all rows of a finding, as numbered in the file.
    looked : mapping
        Check -> what it looks for.
    models : tuple of str
        Recipes that estimated the label errors.
    skipped : tuple of (str, str)
        What was not checked, and why.
    seconds : float
        Time of all checks.
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
        plain = {name: value for name, value in asdict(self).items() if name not in ("findings", "skipped")}
        skipped = [{"what": what, "reason": reason} for what, reason in self.skipped]
        return {**plain, "findings": [asdict(finding) for finding in self.findings], "skipped": skipped}


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
    text : str or sequence of str, optional
        Text columns. Default: inferred.
    text_pair : str, optional
        Second text of a pair. Default: inferred from usual names.
    numeric_columns : str or sequence of str
        Columns of numbers. Default: inferred.
    categorical_columns : str or sequence of str
        Columns of categories. Default: inferred.
    date_columns : str or sequence of str
        Columns of dates. Default: inferred.
    multi_value_columns : str or sequence of str
        Columns of lists of names. Default: inferred.
    ignore_columns : str or sequence of str
        Columns to ignore; "*" ignores all but the text.
    group_column : str, optional
        Column of groups: rows of one group stay in one fold.
    weight_column : str, optional
        Column of row weights for training; weight 0 drops a row.
    test : str, path, DataFrame or sequence, optional
        Rows of a test set, to be compared with those of ``source``.
    task : str
        The task, as for ``AutoText``. Default: inferred.
    separator : str, optional
        Separator between the labels of a cell. Default: inferred.
    tag_names : str or sequence of str, optional
        Names of whole-number tags, from 0 on.
    encoding : str, optional
        Encoding of files. Default: inferred.
    header : bool, optional
        Whether the first line names the columns. Default: inferred.
    max_expanded : str or float
        Largest size that a compressed file may expand to.
    encoders : sequence of str
        Folders or hub names of encoders. Default: the encoder that Penna ships.
    budget : str, float, timedelta or Deadline
        Time for all checks, or a deadline that is running.
    n_jobs : int, optional
        Number of cores. Default: all.
    random_state : int
        Seed.

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
        context, read_findings = _read(
            source, roles, text=config.text, text_pair=config.text_pair, target=y if by_name else None,
            group=config.group_column, y=None if by_name else y,
            apart=tuple(name for name in roles if name != inputs.ALL),
            separator=config.separator, form=form, tag_names=config.tag_names,
        )  # fmt: skip
        table = context.table
        if test is not None:
            pair = table.pair and table.pair[1]
            test_context, _ = _read(
                test, roles, text=tuple(table.text), text_pair=pair, target=table.target_columns, form=form
            )
            context = replace(context, test=test_context)
        usable, task, task_findings = _task(table, config.task)
        context = _with_parsed_target(context, config.task)
        table = context.table
        if usable is not None and task is not None:
            strata, classes = _strata(table, usable, task)
            context = context.found(strata=strata, classes=classes)
        threads = config.n_jobs or hardware.cores()
        run = CheckRun(context, usable, task, Resources(environment.cache_folder(), deadline, threads))
        run.quick()
        run.find_label_errors(config.encoders, config.random_state)
        run.late()
    # A check reports more of its kind than a fit does.
    kinds = {finding.kind for finding in run.findings}
    findings = [*(finding for finding in task_findings if finding.kind not in kinds), *read_findings, *run.findings]
    return Checkup(
        rows=len(table),
        test_rows=0 if context.test is None else len(context.test),
        columns={name: roles.get(name, role) for name, role in table.roles.items()},
        task="" if task is None else task.name,
        findings=tuple(sorted(findings, key=lambda finding: (_RANK[finding.severity], -finding.count))),
        looked=run.looked,
        models=run.models,
        skipped=tuple(run.skipped),
        seconds=round(deadline.spent(), 2),
    )


def _read(source: Any, named: Mapping[str, str], **roles: Any) -> tuple[CheckContext, list[Finding]]:
    """Return the texts and the target as a table, the other columns, and the findings of the reader."""
    table, findings = readers.read(source, others=None, **roles)
    weight = sample_weights.column(named, None)
    if weight in roles.get("apart", ()):  # test rows count once
        table, weight_findings = sample_weights.weighed(table, weight)
        findings = [*findings, *weight_findings]
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
    return CheckContext(table, columns), [finding for finding in findings if finding.kind not in _REPEATED]


def _with_parsed_target(context: CheckContext, name: str) -> CheckContext:
    """Return the context with the target as the task parses it, and whether the task reads texts as they are.

    A row without labels is no row with a missing target if the task allows it.
    """
    try:
        task_type = tasks.recognised(name, context.table)[0]
        as_is = task_type.IS_SPAN_TASK
        test = context.test and replace(context.test, table=task_type.parse_target(context.test.table), as_is=as_is)
        return replace(context, table=task_type.parse_target(context.table), test=test, as_is=as_is)
    except PennaError:  # ``_task`` reports it
        return context


def _task(table: Table, name: str) -> tuple[Table | None, Task | None, list[Finding]]:
    """Return the rows that a fit could use and its task, or None if it would refuse; and its findings."""
    findings: list[Finding] = []
    for rare in ("error", "drop"):  # a refusal that --rare-classes could lift ends no check
        hint = ""
        try:
            task_type, inferred = tasks.recognised(name, table)
            hint = task_type.hint_for(table)
            usable, row_findings = validate.check(
                task_type.parse_target(table), rare=rare, settle=task_type.prepare_target
            )
            inferences = [Finding("task", inferred)] if inferred else []
            return usable, task_type.from_table(usable), [*findings, *inferences, *row_findings]
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


def _strata(table: Table, usable: Table, task: Task) -> tuple[Array, tuple[Any, ...]]:
    """Return the class of each row (n,) and all labels, with those of single rows; for numbers, bins and no label."""
    positions = np.searchsorted(table.rows, usable.rows)
    strata = np.full(len(table), -1, np.int64)
    strata[positions] = task.strata(usable)
    if task.output_kind != OutputKind.CLASS_PROBABILITIES or table.target is None:
        return strata, ()  # numbers, or labels that do not exclude one another
    single = [i for i in np.flatnonzero(strata < 0) if table.target[i] is not None and table.target[i] != ""]
    labels: dict[str, int] = {str(label): j for j, label in enumerate(task.classes)}
    for i in single:
        strata[i] = labels.setdefault(str(table.target[i]), len(labels))
    return strata, (*task.classes, *list(labels)[len(task.classes) :])
