"""What a fit starts from: settings that can work, a folder to write to, rows to learn from, encoders that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from penna import plugins, tasks
from penna.automl import elapsed_time
from penna.automl.search_loop import Progress
from penna.data import readers
from penna.data.readers.read_table import INFERRED, Form
from penna.data.table import Finding, Table
from penna.encoders import checkpoints
from penna.errors import EncoderError, PennaError, RunError, SettingError, TableError, TaskError
from penna.fit_options import AUTO
from penna.preprocessing import data_findings, sample_weights, validate
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.cleaning_choices import offered
from penna.preprocessing.columns import schema as beside
from penna.preprocessing.data_findings import of_rows
from penna.search import trials
from penna.search.recipe import Profile, Recipe
from penna.search.trials import Ledger, State, Trial
from penna.tasks.base import Task

#: Families that need no encoder.
ALONE = ("linear", "trees", "crf", "sliding_window", "translation_memory", "seq2seq")
#: Those of them that try one where it is named.
HELPED = ("translation_memory", "seq2seq")
#: Characters that 128 tokens of most languages do not hold.
LONG_TEXT = 600
#: What a run leaves behind that was stopped before it had begun.
BEFORE_A_RUN = {trials.FILE, trials.PART, elapsed_time.FILE}
#: As the one column to be ignored: all that are not text.
ALL = "*"


def check_folds(asked: int | None, found: int) -> None:
    """Raise SettingError where rows, or groups of them, fill fewer folds than were asked for."""
    if asked is not None and found < asked:
        raise SettingError(f"--folds {asked} cannot work: the rows, or groups of them, fill {found}; give fewer.")


def run_folder(folder: Path, resume: bool) -> Path:
    """The folder to write a run to; with ``resume``, one that holds a run, or nothing yet: a supervisor can repeat one
    command. Raises RunError where it holds something else."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: choose another --out.")
    holds_run = trials.begun(folder)
    if resume and not holds_run and there - BEFORE_A_RUN:
        raise RunError(f"{folder} holds no run to resume, but other files: choose another --out.")
    if not resume and (holds_run or there - BEFORE_A_RUN):
        raise RunError(f"{folder} exists already: choose another --out, or pass --resume to go on with it.")
    return folder


def read(
    source: Any,
    y: Any,
    text: Sequence[str] | str | None,
    group: str | None,
    rare: str,
    task: str = "auto",
    metric: str | None = None,
    named: Mapping[str, str] | None = None,
    text_pair: str | None = None,
    scope: str | None = None,
    separator: str | None = None,
    form: Form = INFERRED,
    tag_names: Sequence[str] | None = None,
    sample_weight: Any = None,
) -> tuple[Table, Task, list[Finding]]:
    """The rows that can be used, what is asked of them, and what was found on the way.

    ``y`` is labels or the name of the target column, or names of several; ``named`` are roles of columns beside the
    text, by column; ``scope`` is the label of what is out of scope; ``separator`` stands between labels of a cell;
    ``form`` is how the bytes of a file are to be read; ``sample_weight`` (n,) weighs the rows, where no column does.
    Raises TableError and TaskError.
    """
    roles = dict(named or {})
    weight = sample_weights.column(roles, sample_weight)
    others: tuple[str, ...] | None = tuple(filter(None, [weight])) if roles.pop(ALL, None) else None
    columns = (text,) if isinstance(text, str) else text
    by_name = isinstance(y, str)
    table, found = readers.read(
        source, text=columns, target=y if by_name else None, group=group, y=None if by_name else y,
        apart=tuple(roles), others=others, text_pair=text_pair, separator=separator,
        form=form, tag_names=tag_names,
    )  # fmt: skip
    if table.target is None:
        raise TableError("there are no labels: pass y, or name the target column (--target).")
    table, weighing = sample_weights.weighed(table, sample_weight if weight is None else weight)
    roles.pop(weight or "", None)
    table, typed = beside.typed(table, roles)
    _demand_something(table)
    module, inferred = tasks.recognised(task, table, metric)
    table = tasks.taken(module, table)
    table = beside.only(table, ()) if tasks.parts(module) else table
    try:
        checked, more = validate.check(table, rare=rare, settle=module.settle)
    except (TableError, TaskError) as error:
        raise data_findings.after(_hinted(error, tasks.hint(module, table)), found) from None
    said = [Finding("task", inferred)] if inferred else []
    asked = _scoped(module, module.make(checked, metric), scope)
    if tag_names and not getattr(asked, "names", ()):
        raise TaskError(
            f"--tag-names goes with tags that are whole numbers, and this task is {asked.name}: leave it out."
        )
    checked, leaking = beside.without_leaks(checked, asked.strata(checked), roles)
    _demand_something(checked, leaking)
    return checked, asked, [*found, *weighing, *typed, *said, *more, *leaking]


def _hinted(error: PennaError, hint: str) -> PennaError:
    return type(error)(f"{error} {hint}") if hint else error


def _scoped(module: ModuleType, task: Task, label: str | None) -> Task:
    """The task with a label for what is out of scope. Raises TaskError where it has no use for one."""
    if label is None:
        return task
    if not hasattr(module, "scoped"):
        raise TaskError(f"--out-of-scope goes with one label a row, and this task is {task.name}: leave it out.")
    scoped: Task = module.scoped(task, label)
    return scoped


def _demand_something(table: Table, leaking: Sequence[Finding] = ()) -> None:
    """Raise TableError where a table has neither text nor any column of use; ``leaking``: what was left out of it."""
    if not table.text and not table.columns:
        if leaking:
            lost = ", ".join(repr(name) for finding in leaking for name in finding.columns)
            raise TableError(
                f"nothing is left to learn from: {lost} alone give away column {table.target_name!r} and are left out; "
                "name a text (--text), or, where they are known at prediction, their kind (--categorical, --numeric)."
            )
        there = ", ".join(repr(name) for name in list(table.roles)[:10] if name != table.target_name)
        raise TableError(
            f"no column looks like text, and none of the others is of use ({there}): name one or more (--text, "
            "--numeric, --categorical, --date, --multi-value)."
        )


def exam_table(test: Any, table: Table, task: Task, form: Form = INFERRED) -> tuple[Table | None, list[Finding]]:
    """The rows of a test table that can be examined; the others are counted out."""
    if test is None:
        return None, []
    exam, found = readers.read(
        test, text=tuple(table.text), text_pair=table.pair and table.pair[1], target=table.target_columns,
        others=tuple(table.fields), form=form,
    )  # fmt: skip
    exam, typed = beside.replay(exam, table.fields)
    found = [*found, *(replace(finding, message=f"test rows: {finding.message}") for finding in typed)]
    if exam.target is None:
        raise TableError(f"the test table has no labels: it needs the column {table.target_name!r}.")
    usable, why = task.usable(exam), task.describe()["unusable"]
    if not usable.any():
        raise TaskError(f"no row of the test table can be examined: of all, {why} ({table.target_name}).")
    found = [*found, *of_rows("unknown_label", f"test rows left out because {why}", exam.rows[~usable], of=len(exam))]
    both = int(np.isin(exam.hashes, table.hashes).sum())
    if both:
        said = f"test rows whose text is also in the training rows: {both}"
        found = [*found, Finding("leak", said, both, (), "warning")]
    return exam.take(np.flatnonzero(usable)), found


def profile(table: Table, task: Task, clean: str) -> Profile:
    """What families may know of the rows that are searched: sizes alone."""
    as_is = tasks.parts(plugins.find("tasks", task.name))
    if as_is and clean not in (AUTO, NONE):
        kind = task.describe()["model"]
        raise SettingError(f"clean={clean!r} changes texts, which a {kind} reads as they are: say none.")
    texts = table.joined[:20_000]
    numbers = [table.columns[name] for name, field in table.fields.items() if field.role == "numeric"]
    return Profile(
        rows=len(table),
        classes=task.columns,
        rows_in_smallest_class=int(np.unique(task.strata(table), return_counts=True)[1].min()),
        mean_characters=float(np.mean([len(text) for text in texts])),
        cleanings=offered(table, clean) if table.text and not as_is else (),
        loss=task.loss,
        columns=len(table.columns),
        numbers=len(numbers),
        gaps=sum(bool(np.isnan(cells).any()) for cells in numbers),
        blank=float(np.mean([not text or text.isspace() for text in texts])),
        pair=table.pair is not None,
        long=float(np.mean([len(text) > LONG_TEXT for text in texts])),
    )


def suited(families: Sequence[str], table: Table, task: Task, progress: Progress) -> list[str]:
    """The families that find in this table what they read, and learn what is asked. Raises SettingError where there is
    none."""
    families = _able(_named(families, task), table, task, progress)
    # What the texts of a pair have in common are columns, too.
    there = {"text": bool(table.text), "columns": bool(table.columns) or table.pair is not None}
    needs = {family: getattr(plugins.find("models", family), "NEEDS", "") for family in families}
    left = [family for family in families if there.get(needs[family], True)]
    if not left:
        said = ", ".join(f"{family} reads {needs[family]}" for family in families)
        raise SettingError(f"nothing can be searched: {said}, and this table has none; add linear to --families.")
    for family in families:
        if family not in left and needs[family] == "text":
            progress.event("skipped", name=family, reason="it reads text, and this table has none")
    return sorted(left, key=lambda family: family not in ALONE)  # a first model in seconds, in whatever order they came


def _named(families: Sequence[str], task: Task) -> list[str]:
    """The files that stand for these names of families; a task that names its own has no others."""
    own: Mapping[str, str] = getattr(plugins.find("tasks", task.name), "FAMILIES", {})
    if not own:
        return list(families)
    named = [own.get(family, family) for family in families if family in own or family in own.values()]
    if not named:
        raise SettingError(f"{' and '.join(families)} make no {task.describe()['model']}: add linear to --families.")
    return named


def _able(families: Sequence[str], table: Table, task: Task, progress: Progress) -> list[str]:
    """The families that learn what this task asks for; that others do not is said where they would have been of use."""
    modules = {family: plugins.find("models", family) for family in families}
    able = [family for family in families if task.loss in getattr(modules[family], "LOSSES", (task.loss,))]
    if not able:
        raise SettingError(f"{' and '.join(families)} make no {task.describe()['model']}: add linear to --families.")
    for family in families:
        if family not in able and (table.columns or not hasattr(modules[family], "NEEDS")):
            progress.event("skipped", name=family, reason=f"it makes no {task.describe()['model']}")
    return able


def weighing(families: Sequence[str], table: Table, progress: Progress) -> list[Finding]:
    """That some of the families count every row once, where rows have weights."""
    deaf = [family for family in families if not getattr(plugins.find("models", family), "WEIGHS", True)]
    found = sample_weights.unheeded(table, deaf)
    for finding in found:
        progress.event("skipped", name="weights", reason=finding.message)
    return found


def usable(
    families: Sequence[str],
    encoders: Sequence[str],
    ledger: Ledger,
    progress: Progress,
    assets: Path = checkpoints.ASSETS,
) -> tuple[list[str], list[str]]:
    """The families that can run and the encoders that can be loaded; the others stand in the ledger as skipped.

    The encoders that came with the package, in ``assets``, are used where none is named.
    """

    skipped: list[Trial] = []

    def skip(reason: str, **knobs: Any) -> None:
        for family in trying if knobs else needing:
            recipe = Recipe.of(family, **knobs)
            skipped.append(Trial(recipe, State.SKIPPED, reason=reason, asked=recipe.id, origin="setup"))
            progress.event("skipped", name=str(recipe), reason=reason)

    needing = [f for f in families if f not in ALONE]
    trying = [f for f in families if f in needing or f in HELPED]
    found = []
    for name in dict.fromkeys(map(str, encoders or (checkpoints.shipped(assets) if needing else ()))):
        try:
            checkpoint = checkpoints.find(name, assets=assets)
            checkpoints.load_tokenizer(checkpoint)  # refuses one that would make every text empty or unknown
            found.append(checkpoint.name)
        except EncoderError as error:
            skip(str(error), encoder=name)
    if not found:
        skip("no encoder: give one with --encoder (a folder or a hub name)")
    left = [f for f in families if f in ALONE or found]
    if not left:
        why = skipped[0].reason.rstrip(".")
        raise SettingError(
            f"nothing can be searched: no encoder could be used ({why}), and linear was not among --families."
        )
    for trial in skipped:
        if all(t.asked != trial.asked for t in ledger.trials):  # a resumed run knows it already
            ledger.append(trial)
    return left, found
