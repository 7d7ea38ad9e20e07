"""Checking: what is wrong with a table, before any training. Reads, computes what checks look at, and runs them all."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from penna import environment, machine, reading, tasks
from penna.budget import Deadline, parse_seconds
from penna.encoders import checkpoints
from penna.encoders.setup import setup_seconds
from penna.errors import EncoderError, PennaError
from penna.job import intake, outoffold
from penna.models import Resources
from penna.prepare import check as refusing
from penna.prepare import checks
from penna.prepare import columns as beside
from penna.prepare.checks import labels
from penna.prepare.column import Column
from penna.prepare.sheet import Reach, Sheet
from penna.reading.form import MAX_EXPANDED, Form
from penna.table import Finding, Table
from penna.tasks import Task

Array = np.ndarray[Any, Any]

_RANK = {"error": 0, "warning": 1, "info": 2}
_ENCODING = 0.4  # of the time that is left, the most that embedding may take
_FINISHING = 0.08  # of the budget, kept for the checks that come last
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
    list: Sequence[str] | str = (),
    ignore: Sequence[str] | str = (),
    group: str | None = None,
    test: Any = None,
    task: str = "auto",
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    max_expanded: str | float = MAX_EXPANDED,
    encoders: Sequence[str] = (),
    budget: str | float | Deadline = "60s",
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
    deadline = budget if isinstance(budget, Deadline) else Deadline(parse_seconds(budget))
    form = Form.of(encoding, header, max_expanded)
    with threadpool_limits(threads):
        columns = (text,) if isinstance(text, str) else text
        roles = beside.asked(numeric=numeric, categorical=categorical, date=date, list=list, ignore=ignore)
        by_name = isinstance(y, str)
        sheet, notes = _sheet(
            source, roles, text=columns, text_pair=text_pair, target=y if by_name else None, group=group,
            y=None if by_name else y, apart=tuple(name for name in roles if name != intake.ALL), separator=separator,
            form=form,
        )  # fmt: skip
        table = sheet.table
        if test is not None:
            pair = table.pair and table.pair[1]
            asked_too, _ = _sheet(
                test, roles, text=tuple(table.text), text_pair=pair, target=table.target_columns, form=form
            )
            sheet = replace(sheet, test=asked_too)
        settled, asked, said = _settled(table, task)
        sheet = _taken(sheet, task)
        table = sheet.table
        if settled is not None and asked is not None:
            strata, classes = _strata(table, settled, asked)
            sheet = sheet.found(strata=strata, classes=classes)
        run = _Run(sheet, settled, asked, Resources(environment.cache_folder(), deadline, threads or machine.cores()))
        run.quick()
        run.doubt(tuple(encoders), seed)
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
    table, notes = reading.read(source, others=None, **roles)
    columns = {
        name: Column(name, cells, named.get(name, ""))
        for name, cells in table.columns.items()
        if named.get(name, "") != beside.IGNORE and intake.ALL not in named
    }
    wanted = {name: role for name, role in named.items() if name != intake.ALL}
    told = {} if intake.ALL in named else beside.typed(table, wanted)[0].roles
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
        try:
            module, inferred = tasks.recognised(name, table)
            settled, found = refusing.check(tasks.taken(module, table), rare=rare, settle=module.settle)
            said = [Finding("task", inferred)] if inferred else []
            return settled, module.make(settled), [*told, *said, *found]
        except PennaError as error:
            finding = Finding(
                "refused", str(error), 1, (), "error", does="refuses to fit", change="do what the sentence says"
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


class _Run:
    """The checks of one sheet, the quick ones first; what was found and skipped so far."""

    def __init__(self, sheet: Sheet, settled: Table | None, task: Task | None, resources: Resources) -> None:
        self.sheet, self.settled, self.task, self.resources = sheet, settled, task, resources
        self.checks = {name: checks.find(name) for name in checks.names()}
        self.findings: list[Finding] = []
        self.looked: dict[str, str] = {}
        self.skipped: list[tuple[str, str]] = []
        self.models: tuple[str, ...] = ()

    def quick(self) -> None:
        """Those that need nothing but the table."""
        for name, check in self.checks.items():
            if not check.NEEDS and name != "lengths":
                self._one(name)

    def late(self) -> None:
        """Those that need what was computed in between."""
        for name, check in self.checks.items():
            if name == "lengths" or (check.NEEDS and getattr(self.sheet, check.NEEDS) is not None):
                self._one(name)

    def _one(self, name: str) -> None:
        if self.resources.deadline.over():
            self.skipped.append((name, "no time was left for it: raise --budget"))
            return
        check = self.checks[name]
        self.findings += check.find(self.sheet)
        self.looked[name] = check.LOOKS_FOR

    def doubt(self, encoders: tuple[str, ...], seed: int) -> None:
        """Embed the texts where there is an encoder; ask models for labels that they have not seen."""
        deadline = self.resources.deadline
        reserve = replace(self.resources, deadline=deadline.before(_FINISHING * deadline.seconds))
        wanted = (encoders or checkpoints.shipped()) if self.sheet.table.text else ()
        usable = [name for name in wanted if self._embed(name, reserve)]
        if self.sheet.vectors is None:
            self.skipped.append(("outliers", "no encoder was used: give one with --encoder (a folder or a hub name)"))
        if not self.sheet.table.text:
            self.skipped.append(("labels", "the table has no text"))
            return
        if self.settled is None or self.task is None or not self.sheet.classes:
            self.skipped.append(("labels", "the target is no set of classes that could be learnt"))
            return
        found = self._answers(self.task, self.settled, reserve, usable, seed)
        self.models = found.used
        self.skipped += found.skipped
        if found.outputs is None:
            if all(what != "labels" for what, _ in found.skipped):
                self.skipped.append(("labels", "no model was finished in time: raise --budget"))
            return
        left_out = int(np.isnan(found.outputs[:, 0]).sum())
        if left_out:
            self.skipped.append((f"the labels of {left_out:,} rows", "of each fold 20,000 rows are asked for"))
        outputs = np.full((len(self.sheet), len(self.sheet.classes)), np.nan, np.float32)
        place = np.searchsorted(self.sheet.rows, self.settled.rows)
        outputs[place] = 0
        outputs[place, : found.outputs.shape[1]] = found.outputs
        self.sheet = self.sheet.found(outputs=outputs)

    def _answers(
        self, task: Task, table: Table, resources: Resources, encoders: Sequence[str], seed: int
    ) -> outoffold.Answers:
        """Answers of models that did not learn from the labels that the first ones doubted, where there is time.

        On sst2 with 10 % flipped labels, the second round finds one more in fifty, and is wrong once less in fifty.
        """
        started = resources.deadline.left()
        first = outoffold.answers(task, table, resources, encoders=encoders, seed=seed)
        spent = started - resources.deadline.left()
        if first.outputs is None or resources.deadline.left() < 1.5 * spent:
            return first
        doubted = labels.doubted(task.encode(table), first.outputs)
        second = outoffold.answers(task, table, resources, encoders=encoders, seed=seed, doubted=doubted)
        return second if second.used == first.used else first

    def _embed(self, name: str, resources: Resources) -> bool:
        """Vectors of all rows and their lengths in tokens, of the first encoder that there is time for."""
        from penna.encoders import embed, tokens
        from penna.training.precision import fastest_dtype

        deadline = resources.deadline
        deadline = deadline.before((1 - _ENCODING) * max(deadline.left(), 0))
        if (setup := setup_seconds()) > deadline.left():
            why = (
                f"loading it takes up to {setup:.0f} s, {max(deadline.left(), 0):.1f} s are left for it: raise --budget"
            )
            self.skipped.append((name, why))
            return False
        try:
            checkpoint = checkpoints.find(name)
            whole = tokens.tokenise(checkpoint, self.sheet.table, checkpoint.max_length, resources.cache).whole
            mean = float(np.mean([len(text) for text in self.sheet.table.joined]))
            vectors = embed.embed(
                checkpoint, self.sheet.table, depth=checkpoint.depth_at(1.0), length=256 if mean > 400 else 128,
                dtype=str(fastest_dtype()).removeprefix("torch."), cache=resources.cache, threads=resources.threads,
                deadline=deadline,
            )  # fmt: skip
        except EncoderError as error:
            self.skipped.append((name, str(error)))
            return False
        except embed.Unfinished:
            self.skipped.append((name, "its embeddings took too long; those that are done are kept: raise --budget"))
            return False
        if self.sheet.vectors is None:
            self.sheet = self.sheet.found(vectors=vectors, reach=Reach(name, whole, checkpoint.max_length))
        return True
