"""Families and encoders that can run on a table, and why the others cannot. Reads no rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penna import extras, tasks
from penna.automl.run_limits import Progress
from penna.data.table import Finding, Table
from penna.encoders import checkpoints
from penna.errors import EncoderError, SettingError
from penna.models.base import get_family
from penna.preprocessing import sample_weights
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial, TrialLog
from penna.tasks.base import Task


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


def weight_findings(families: Sequence[str], table: Table, progress: Progress) -> list[Finding]:
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
