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
    """Return the families that can read this table and learn its task, those that need no encoder first.

    Raises SettingError if there is none.
    """
    families = _can_learn(_names(families, task), table, task, progress)
    # Overlaps of the texts of a pair are columns, too.
    present = {"text": bool(table.text), "columns": bool(table.columns) or table.pair is not None}
    needs = {family: get_family(family).REQUIRES for family in families}
    left = [family for family in families if present.get(needs[family], True)]
    if not left:
        reads = ", ".join(f"{family} reads {needs[family]}" for family in families)
        raise SettingError(f"nothing can be searched: {reads}, and this table has none; add linear to --families.")
    for family in families:
        if family not in left and needs[family] == "text":
            progress.event("skipped", name=family, reason="it reads text, and this table has none")
    # The first model comes in seconds, whatever the order of --families.
    return sorted(left, key=lambda family: not get_family(family).NEEDS_NO_ENCODER)


def _names(families: Sequence[str], task: Task) -> list[str]:
    """Return the names of the families in ``models/``: some tasks have families of their own, and no others."""
    own: Mapping[str, str] = tasks.task_type(task.name).FAMILY_ALIASES
    if not own:
        return list(families)
    named = [own.get(family, family) for family in families if family in own or family in own.values()]
    if not named:
        raise SettingError(f"{' and '.join(families)} make no {task.describe()['model']}: add linear to --families.")
    return named


def _can_learn(families: Sequence[str], table: Table, task: Task, progress: Progress) -> list[str]:
    """Return the families that can learn this task. Report the others if they could have read the table."""
    able = [family for family in families if get_family(family).can_learn(task.output_kind)]
    if not able:
        raise SettingError(f"{' and '.join(families)} make no {task.describe()['model']}: add linear to --families.")
    for family in families:
        if family not in able and (table.columns or not get_family(family).REQUIRES):
            progress.event("skipped", name=family, reason=f"it makes no {task.describe()['model']}")
    return able


def weight_findings(families: Sequence[str], table: Table, progress: Progress) -> list[Finding]:
    """Return a finding if rows have weights and some of the families ignore them."""
    ignoring = [family for family in families if not get_family(family).SUPPORTS_SAMPLE_WEIGHT]
    findings = sample_weights.unheeded(table, ignoring)
    for finding in findings:
        progress.event("skipped", name="weights", reason=finding.message)
    return findings


def usable(
    families: Sequence[str],
    encoders: Sequence[str],
    trial_log: TrialLog,
    progress: Progress,
    assets: Path = checkpoints.ASSETS,
) -> tuple[list[str], list[str]]:
    """Return the families that can run and the encoders that can be loaded; log the others as skipped trials.

    Parameters
    ----------
    families, encoders : sequence of str
        Names that the user gave. Without encoders, those that Penna ships are used.
    trial_log : TrialLog
        Gets one skipped trial for each family and encoder that cannot run.
    progress : Progress
        Gets the same as events.
    assets : path
        Folder of the encoders that Penna ships.

    Raises
    ------
    SettingError
        If no family is left.
    MissingExtra
        If a package must be installed first.
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
    loaded = []
    for name in dict.fromkeys(map(str, encoders or (checkpoints.shipped(assets) if needing else ()))):
        try:
            checkpoint = checkpoints.find(name, assets=assets)
            checkpoints.load_tokenizer(checkpoint)  # refuses one that would make every text empty or unknown
            loaded.append(checkpoint.name)
        except EncoderError as error:
            skip(str(error), encoder=name)
    if not loaded and needing:
        skip("no encoder: give one with --encoder (a folder or a hub name)")
    left = [f for f in families if f not in needing or loaded]
    if not left:
        if lacking:
            extras.require("encoders", f"fitting {' and '.join(lacking)}")
        why = skipped[0].reason.rstrip(".")
        raise SettingError(
            f"nothing can be searched: no encoder could be used ({why}), and linear was not among --families."
        )
    for trial in skipped:
        if all(t.proposal_key != trial.proposal_key for t in trial_log.trials):  # a resumed run knows it already
            trial_log.append(trial)
    return left, loaded
