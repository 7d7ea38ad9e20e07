"""What a fit starts from: settings that can work, a folder to write to, rows to learn from, encoders that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penna import extras, tasks
from penna.automl import elapsed_time
from penna.automl.run_limits import Progress
from penna.data import readers
from penna.data.readers.read_table import INFERRED, Form
from penna.data.table import Finding, Table
from penna.encoders import checkpoints
from penna.errors import EncoderError, PennaError, RunError, SettingError, TableError, TaskError
from penna.fit_options import AUTO
from penna.models.base import get_family
from penna.preprocessing import data_findings, sample_weights, validate
from penna.preprocessing.cleaning.base import NONE
from penna.preprocessing.cleaning_choices import offered
from penna.preprocessing.columns import schema
from penna.preprocessing.data_findings import of_rows
from penna.search import trials
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State, Trial, TrialLog
from penna.tasks.base import Task, TaskType

#: Characters that 128 tokens of most languages do not hold.
LONG_TEXT = 600
#: What a run leaves behind that was stopped before it had begun.
BEFORE_A_RUN = {trials.FILE, trials.PART, elapsed_time.FILE}
#: As the one column to be ignored: all that are not text.
ALL = "*"


def check_folds(requested: int | None, found: int) -> None:
    """Raise SettingError where rows, or groups of them, fill fewer folds than were requested."""
    if requested is not None and found < requested:
        raise SettingError(f"--cv {requested} cannot work: the rows, or groups of them, fill {found}; give fewer.")


def run_folder(folder: Path, resume: bool) -> Path:
    """Return the folder to write a run to; with ``resume``, one that holds a run, or nothing yet.

    A supervisor can repeat one command. Raises RunError where it holds something else.
    """
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
    """Return the rows that can be used, what is predicted from them, and what was found on the way.

    ``y`` is labels or the name of the target column, or names of several; ``named`` are roles of columns other than the
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
    table, typed = schema.typed(table, roles)
    _demand_something(table)
    module, inferred = tasks.recognised(task, table, metric)
    table = module.parse_target(table)
    table = schema.only(table, ()) if module.IS_SPAN_TASK else table
    try:
        checked, more = validate.check(table, rare=rare, settle=module.prepare_target)
    except (TableError, TaskError) as error:
        raise data_findings.after(_hinted(error, module.hint_for(table)), found) from None
    notes = [Finding("task", inferred)] if inferred else []
    made = _scoped(module, module.from_table(checked, metric), scope)
    if tag_names and not getattr(made, "names", ()):
        raise TaskError(
            f"--tag-names goes with tags that are whole numbers, and this task is {made.name}: leave it out."
        )
    checked, leaking = schema.without_leaks(checked, made.strata(checked), roles)
    _demand_something(checked, leaking)
    return checked, made, [*found, *weighing, *typed, *notes, *more, *leaking]


def _hinted(error: PennaError, hint: str) -> PennaError:
    return type(error)(f"{error} {hint}") if hint else error


def _scoped(module: TaskType, task: Task, label: str | None) -> Task:
    """Return the task with a label for what is out of scope. Raises TaskError where it has no use for one."""
    if label is None:
        return task
    if module.with_oos_label is None:
        raise TaskError(f"--oos-label goes with one label a row, and this task is {task.name}: leave it out.")
    scoped: Task = module.with_oos_label(task, label)
    return scoped


def _demand_something(table: Table, leaking: Sequence[Finding] = ()) -> None:
    """Raise TableError where a table has neither text nor any column of use; ``leaking``: what was left out of it."""
    if not table.text and not table.columns:
        if leaking:
            lost = ", ".join(repr(name) for finding in leaking for name in finding.columns)
            raise TableError(
                f"nothing is left to learn from: {lost} alone give away column {table.target_name!r} and are left out; "
                "name a text (--text), or, if they are known at prediction, their kind "
                "(--categorical-columns, --numeric-columns)."
            )
        there = ", ".join(repr(name) for name in list(table.roles)[:10] if name != table.target_name)
        raise TableError(
            f"no column looks like text, and none of the others is of use ({there}): name one or more (--text, "
            "--numeric-columns, --categorical-columns, --date-columns, --multi-value-columns)."
        )


def read_test_set(test: Any, table: Table, task: Task, form: Form = INFERRED) -> tuple[Table | None, list[Finding]]:
    """Return the rows of a test table that can be examined; the others are counted out."""
    if test is None:
        return None, []
    test_table, found = readers.read(
        test, text=tuple(table.text), text_pair=table.pair and table.pair[1], target=table.target_columns,
        others=tuple(table.fields), form=form,
    )  # fmt: skip
    test_table, typed = schema.replay(test_table, table.fields)
    found = [*found, *(replace(finding, message=f"test rows: {finding.message}") for finding in typed)]
    if test_table.target is None:
        raise TableError(f"the test table has no labels: it needs the column {table.target_name!r}.")
    usable, why = task.usable(test_table), task.describe()["unusable"]
    if not usable.any():
        raise TaskError(f"no row of the test table can be examined: of all, {why} ({table.target_name}).")
    found = [
        *found,
        *of_rows("unknown_label", f"test rows left out because {why}", test_table.rows[~usable], of=len(test_table)),
    ]
    both = int(np.isin(test_table.hashes, table.hashes).sum())
    if both:
        message = f"test rows whose text is also in the training rows: {both}"
        found = [*found, Finding("leak", message, both, (), "warning")]
    return test_table.take(np.flatnonzero(usable)), found


def profile(table: Table, task: Task, clean: str) -> DatasetProfile:
    """Return what families may know of the rows that are searched: sizes alone."""
    as_is = tasks.task_type(task.name).IS_SPAN_TASK
    if as_is and clean not in (AUTO, NONE):
        kind = task.describe()["model"]
        raise SettingError(f"clean={clean!r} changes texts, which a {kind} reads as they are: say none.")
    texts = table.full_text[:20_000]
    numbers = [table.columns[name] for name, field in table.fields.items() if field.role == "numeric"]
    return DatasetProfile(
        rows=len(table),
        classes=task.columns,
        rows_in_smallest_class=int(np.unique(task.strata(table), return_counts=True)[1].min()),
        mean_characters=float(np.mean([len(text) for text in texts])),
        cleanings=offered(table, clean) if table.text and not as_is else (),
        output_kind=task.output_kind,
        columns=len(table.columns),
        numbers=len(numbers),
        gaps=sum(bool(np.isnan(cells).any()) for cells in numbers),
        blank=float(np.mean([not text or text.isspace() for text in texts])),
        pair=table.pair is not None,
        long=float(np.mean([len(text) > LONG_TEXT for text in texts])),
    )


def suited(families: Sequence[str], table: Table, task: Task, progress: Progress) -> list[str]:
    """Return the families that find in this table what they read, and can learn its task.

    Raises SettingError where there is none.
    """
    families = _able(_named(families, task), table, task, progress)
    # What the texts of a pair have in common are columns, too.
    there = {"text": bool(table.text), "columns": bool(table.columns) or table.pair is not None}
    needs = {family: get_family(family).REQUIRES for family in families}
    left = [family for family in families if there.get(needs[family], True)]
    if not left:
        reads = ", ".join(f"{family} reads {needs[family]}" for family in families)
        raise SettingError(f"nothing can be searched: {reads}, and this table has none; add linear to --families.")
    for family in families:
        if family not in left and needs[family] == "text":
            progress.event("skipped", name=family, reason="it reads text, and this table has none")
    return sorted(
        left, key=lambda family: not get_family(family).NEEDS_NO_ENCODER
    )  # a first model in seconds, in whatever order they came


def _named(families: Sequence[str], task: Task) -> list[str]:
    """Return the files that stand for these names of families; a task that names its own has no others."""
    own: Mapping[str, str] = tasks.task_type(task.name).FAMILY_ALIASES
    if not own:
        return list(families)
    named = [own.get(family, family) for family in families if family in own or family in own.values()]
    if not named:
        raise SettingError(f"{' and '.join(families)} make no {task.describe()['model']}: add linear to --families.")
    return named


def _able(families: Sequence[str], table: Table, task: Task, progress: Progress) -> list[str]:
    """Return the families that learn what this task asks for.

    The user is warned of others that would have been of use.
    """
    able = [family for family in families if get_family(family).can_learn(task.output_kind)]
    if not able:
        raise SettingError(f"{' and '.join(families)} make no {task.describe()['model']}: add linear to --families.")
    for family in families:
        if family not in able and (table.columns or not get_family(family).REQUIRES):
            progress.event("skipped", name=family, reason=f"it makes no {task.describe()['model']}")
    return able


def weighing(families: Sequence[str], table: Table, progress: Progress) -> list[Finding]:
    """Return a finding that some of the families count every row once, where rows have weights."""
    deaf = [family for family in families if not get_family(family).SUPPORTS_SAMPLE_WEIGHT]
    found = sample_weights.unheeded(table, deaf)
    for finding in found:
        progress.event("skipped", name="weights", reason=finding.message)
    return found


def usable(
    families: Sequence[str],
    encoders: Sequence[str],
    ledger: TrialLog,
    progress: Progress,
    assets: Path = checkpoints.ASSETS,
) -> tuple[list[str], list[str]]:
    """Return the families that can run and the encoders that can be loaded.

    The others stand in the trial log as skipped.

    The encoders that came with the package, in ``assets``, are used where none is named.
    """
    skipped: list[Trial] = []

    def skip(reason: str, **hyperparameters: Any) -> None:
        for family in trying if hyperparameters else needing:
            recipe = Recipe.of(family, **hyperparameters)
            skipped.append(Trial(recipe, State.SKIPPED, reason=reason, proposal_key=recipe.id, phase="setup"))
            progress.event("skipped", name=str(recipe), reason=reason)

    lacking = [f for f in families if get_family(f).NEEDS_TORCH and extras.missing("encoders")]
    if lacking:
        why = f"fitting needs {extras.missing('encoders')[0]}: {extras.advice('encoders')}"
        skipped += [
            Trial(recipe, State.SKIPPED, reason=why, proposal_key=recipe.id, phase="setup")
            for recipe in map(Recipe.of, lacking)
        ]
        progress.event("skipped", name=", ".join(lacking), reason=why)
        families = [f for f in families if f not in lacking]
    if encoders and extras.missing("encoders"):
        extras.require("encoders", f"--encoder {encoders[0]}")
    needing = [f for f in families if not get_family(f).NEEDS_NO_ENCODER]
    trying = [f for f in families if f in needing or get_family(f).USES_NAMED_ENCODER]
    found = []
    for name in dict.fromkeys(map(str, encoders or (checkpoints.shipped(assets) if needing else ()))):
        try:
            checkpoint = checkpoints.find(name, assets=assets)
            checkpoints.load_tokenizer(checkpoint)  # refuses one that would make every text empty or unknown
            found.append(checkpoint.name)
        except EncoderError as error:
            skip(str(error), encoder=name)
    if not found and needing:
        skip("no encoder: give one with --encoder (a folder or a hub name)")
    left = [f for f in families if f not in needing or found]
    if not left:
        if lacking:
            extras.require("encoders", f"fitting {' and '.join(lacking)}")
        why = skipped[0].reason.rstrip(".")
        raise SettingError(
            f"nothing can be searched: no encoder could be used ({why}), and linear was not among --families."
        )
    for trial in skipped:
        if all(t.proposal_key != trial.proposal_key for t in ledger.trials):  # a resumed run knows it already
            ledger.append(trial)
    return left, found
