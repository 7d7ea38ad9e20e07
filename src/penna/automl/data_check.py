"""Checking: what is wrong with a table, before any training. Reads, computes what checks look at, and runs them all."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from penna import environment, fit_options, hardware, tasks
from penna.automl import inputs
from penna.automl.run_checks import Examination
from penna.budget import Deadline, Resources
from penna.data import readers
from penna.data.arrays import Array
from penna.data.readers.format_options import MAX_EXPANDED, Form
from penna.data.table import Finding, Table
from penna.errors import PennaError
from penna.preprocessing import sample_weights
from penna.preprocessing import validate as refusing
from penna.preprocessing.check_context import Sheet
from penna.preprocessing.columns import schema as beside
from penna.preprocessing.columns.column import Column
from penna.tasks.base import Task

_RANK = {"error": 0, "warning": 1, "info": 2}
#: What reading has to say of a kind is told by a check, better.
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
        found = {name: value for name, value in asdict(self).items() if name not in ("findings", "skipped")}
        skipped = [{"what": what, "reason": reason} for what, reason in self.skipped]
        return {**found, "findings": [asdict(finding) for finding in self.findings], "skipped": skipped}


def check(
    source: Any,
    y: Any = None,
    *,
    text: Sequence[str] | str | None = None,
    text_pair: str | None = None,
    numeric: Sequence[str] | str = (),
    categorical: Sequence[str] | str = (),
    date: Sequence[str] | str = (),
    multi_value: Sequence[str] | str = (),
    ignore: Sequence[str] | str = (),
    group: str | None = None,
    weight: str | None = None,
    test: Any = None,
    task: str = "auto",
    separator: str | None = None,
    tag_names: Sequence[str] | str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    max_expanded: str | float = MAX_EXPANDED,
    encoders: Sequence[str] = (),
    budget: str | float | timedelta | Deadline = "60s",
    threads: int | None = None,
    seed: int = 0,
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
        "text": text, "text_pair": text_pair, "numeric": numeric, "categorical": categorical, "date": date,
        "multi_value": multi_value, "ignore": ignore, "group": group, "weight": weight, "task": task,
        "separator": separator,
        "encoders": encoders, "encoding": encoding, "header": header, "max_expanded": max_expanded, "threads": threads,
        "seed": seed, "tag_names": tag_names,
    }  # fmt: skip
    if not isinstance(budget, Deadline):
        budget = Deadline(fit_options.settled({"budget": budget})["budget"])
    return _checked(source, y, test, budget, fit_options.settled(given))


def _checked(source: Any, y: Any, test: Any, deadline: Deadline, given: Mapping[str, Any]) -> Checkup:
    form = Form.of(given["encoding"], given["header"], given["max_expanded"])
    with threadpool_limits(given["threads"]):
        roles = beside.asked(**{role: given[role] for role in (*beside.NAMED, sample_weights.ROLE)})
        by_name = isinstance(y, str)
        sheet, notes = _sheet(
            source, roles, text=given["text"], text_pair=given["text_pair"], target=y if by_name else None,
            group=given["group"], y=None if by_name else y, apart=tuple(name for name in roles if name != inputs.ALL),
            separator=given["separator"], form=form, tag_names=given["tag_names"],
        )  # fmt: skip
        table = sheet.table
        if test is not None:
            pair = table.pair and table.pair[1]
            asked_too, _ = _sheet(
                test, roles, text=tuple(table.text), text_pair=pair, target=table.target_columns, form=form
            )
            sheet = replace(sheet, test=asked_too)
        settled, asked, said = _settled(table, given["task"])
        sheet = _taken(sheet, given["task"])
        table = sheet.table
        if settled is not None and asked is not None:
            strata, classes = _strata(table, settled, asked)
            sheet = sheet.found(strata=strata, classes=classes)
        threads = given["threads"] or hardware.cores()
        run = Examination(sheet, settled, asked, Resources(environment.cache_folder(), deadline, threads))
        run.quick()
        run.doubt(given["encoders"] or (), given["seed"])
        run.late()
    looked = {finding.kind for finding in run.findings}  # a check says more of its kind than a fit does
    found = [*(finding for finding in said if finding.kind not in looked), *notes, *run.findings]
    return Checkup(
        rows=len(table),
        test_rows=0 if sheet.test is None else len(sheet.test),
        columns={name: roles.get(name, role) for name, role in table.roles.items()},
        task="" if asked is None else asked.name,
        findings=tuple(sorted(found, key=lambda finding: (_RANK[finding.severity], -finding.count))),
        looked=run.looked,
        models=run.models,
        skipped=tuple(run.skipped),
        seconds=round(deadline.spent(), 2),
    )


def _sheet(source: Any, named: Mapping[str, str], **roles: Any) -> tuple[Sheet, list[Finding]]:
    """The texts and the target as a table, the other columns beside it, and what reading has to say."""
    table, notes = readers.read(source, others=None, **roles)
    weight = sample_weights.column(named, None)
    if weight in roles.get("apart", ()):  # of test rows every one counts
        table, weighing = sample_weights.weighed(table, weight)
        notes = [*notes, *weighing]
    named = {name: role for name, role in named.items() if name != weight}
    columns = {
        name: Column(name, cells, named.get(name, ""))
        for name, cells in table.columns.items()
        if name != weight and named.get(name, "") != beside.IGNORE and inputs.ALL not in named
    }
    wanted = {name: role for name, role in named.items() if name != inputs.ALL}
    told = {} if inputs.ALL in named else beside.typed(table, wanted)[0].roles
    table = replace(table, roles={**table.roles, **told})
    if table.text:  # models doubt labels by the text alone
        table = replace(table, columns={})
    return Sheet(table, columns), [note for note in notes if note.kind not in _TOLD_AGAIN]


def _taken(sheet: Sheet, name: str) -> Sheet:
    """With the target's cells as the task takes them: where rows may have no label, an empty cell lacks nothing; and
    whether it reads texts as they are."""
    try:
        module = tasks.recognised(name, sheet.table)[0]
        as_is = tasks.parts(module)
        test = sheet.test and replace(sheet.test, table=tasks.taken(module, sheet.test.table), as_is=as_is)
        return replace(sheet, table=tasks.taken(module, sheet.table), test=test, as_is=as_is)
    except PennaError:  # ``_settled`` says why
        return sheet


def _settled(table: Table, name: str) -> tuple[Table | None, Task | None, list[Finding]]:
    """The rows that ``fit`` could use and what it would be asked, or why it would refuse; and what it would say."""
    told: list[Finding] = []
    for rare in ("error", "drop"):  # what a flag can mend is no reason to look no further
        hint = ""
        try:
            module, inferred = tasks.recognised(name, table)
            hint = tasks.hint(module, table)
            settled, found = refusing.check(tasks.taken(module, table), rare=rare, settle=module.settle)
            said = [Finding("task", inferred)] if inferred else []
            return settled, module.make(settled), [*told, *said, *found]
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
            told = told or [finding]
    return None, None, told


def _strata(table: Table, settled: Table, task: Task) -> tuple[Array, tuple[Any, ...]]:
    """(n,) the class of each row and the labels, those of single rows too; of a quantity its bins and no label."""
    places = np.searchsorted(table.rows, settled.rows)
    out = np.full(len(table), -1, np.int64)
    out[places] = task.strata(settled)
    if task.loss != "cross_entropy" or table.target is None:
        return out, ()  # numbers, or labels that do not exclude one another
    lone = [i for i in np.flatnonzero(out < 0) if table.target[i] is not None and table.target[i] != ""]
    labels: dict[str, int] = {str(label): j for j, label in enumerate(task.classes)}
    for i in lone:
        out[i] = labels.setdefault(str(table.target[i]), len(labels))
    return out, (*task.classes, *list(labels)[len(task.classes) :])
