"""Trials and the Ledger that keeps them: frozen results in an append-only file. To resume is to reread it."""

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.data import ragged
from penna.errors import RunError
from penna.search.recipe import Recipe

FORMAT = 1
FILE, PART = "trials.jsonl", "trials.part"
_LONGEST_HEADER = 1 << 20


class State(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Trial:
    """What became of one recipe on some folds. Scores: higher is better, one for each fold in ``folds``.

    ``errors`` holds the bootstrap standard error of each fold's score; ``curve`` the (step, score) pairs that the
    first fold reported. ``megabytes`` and ``milliseconds`` (one text) are predictions until the artefact is measured.
    """

    recipe: Recipe
    state: State
    folds: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    score_std_errors: tuple[float, ...] = ()
    seconds: float = 0.0
    predicted_seconds: float | None = None
    size_mb: float | None = None
    latency_ms: float | None = None
    reason: str = ""
    curve: tuple[tuple[int, float], ...] = ()
    rows_per_second: float = 0.0  # outputs of the last validation part, as measured; 0 where that has too few rows
    number: int = -1
    proposal_key: str = ""  # key of the proposal; the recipe may differ from it where the runner shrank it to fit
    phase: str = ""  # which phase of the search requested it: "baseline", "portfolio", "tpe", "finalist" ...

    @property
    def score(self) -> float:
        """Mean over folds; -inf where no fold was finished."""
        return float(np.mean(self.scores)) if self.scores else -math.inf

    @property
    def score_std(self) -> float:
        """Standard deviation over folds; with a single fold, the bootstrap standard error of its score."""
        if len(self.scores) > 1:
            return float(np.std(self.scores, ddof=1))
        return self.score_std_errors[0] if self.score_std_errors else 0.0

    @property
    def lower_score(self) -> float:
        """Mean less half a standard deviation: what finalists are chosen by."""
        return self.score - 0.5 * self.score_std

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return {**self.__dict__, "recipe": self.recipe.to_json(), "state": str(self.state)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trial":
        """Return the object that ``to_json`` wrote."""
        fields = dict(data)
        fields["recipe"] = Recipe.from_json(fields["recipe"])
        fields["state"] = State(fields["state"])
        for name in ("folds", "scores", "score_std_errors"):
            fields[name] = tuple(fields[name])
        fields["curve"] = tuple((int(a), float(b)) for a, b in fields["curve"])
        made = cls(**fields)
        made._check()
        return made

    def _check(self) -> None:
        """Raise TypeError for values of another type: a line of a ledger may be damaged, and still be JSON."""
        numbers = [*self.scores, *self.score_std_errors, *self.folds, self.number, self.seconds, self.rows_per_second]
        numbers += [self.recipe.fidelity, self.recipe.seed]
        costs = (self.predicted_seconds, self.size_mb, self.latency_ms)
        numbers += [value for value in costs if value is not None]
        if not all(isinstance(value, int | float) for value in numbers):
            raise TypeError("a number of a trial is none")
        if not all(
            isinstance(value, str) for value in (self.reason, self.proposal_key, self.phase, self.recipe.family)
        ):
            raise TypeError("a word of a trial is none")


class TrialLog:
    """Append-only list of trials in ``folder/trials.jsonl``, with each trial's out-of-fold outputs next to it.

    The first line is a header that names the format and the work (table fingerprint, task, metric, seed ...); a
    ledger of other work cannot be resumed. A last line cut short by a kill is dropped; a file without a whole first
    line holds no run, and is begun again.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.folder = folder
        self.path = folder / FILE
        self.header = {"format": FORMAT, **header}
        self.trials: list[Trial] = []
        if begun(folder):
            self._reread()

    def begin(self) -> None:
        """Write the header, if it is not there: what fails before this leaves no folder behind.

        The header is written to a file of its own and renamed, so that a full disk or a kill leaves all of it or none.
        """
        if begun(self.folder):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / PART
        part.unlink(missing_ok=True)
        try:
            _append(part, {"header": self.header})
            part.replace(self.path)
        finally:
            part.unlink(missing_ok=True)

    def append(self, trial: Trial, outputs: Mapping[int, np.ndarray[Any, Any]] | None = None) -> Trial:
        """Return number the trial, store the (rows, k) outputs of each fold, and write the line through to disk."""
        trial = replace(trial, number=len(self.trials))
        self.begin()
        if outputs:
            (self.folder / "outputs").mkdir(exist_ok=True)
            # The arrays go first: a line in the trial log means that its outputs are there.
            for fold, array in outputs.items():
                ragged.save(self._outputs_path(trial.number, fold), array)
        _append(self.path, trial.to_json())
        self.trials.append(trial)
        return trial

    def outputs(self, trial: Trial, fold: int) -> np.ndarray[Any, Any]:
        """(rows of that fold's validation part, k) float32 outputs, or an array for each row (``ragged``)."""
        path = self._outputs_path(trial.number, fold)
        try:
            return ragged.load(path)
        except safe_load.DAMAGE as error:
            raise RunError(f"{path} is missing or damaged ({error}): start the run again in a new folder.") from error

    def _outputs_path(self, number: int, fold: int) -> Path:
        return self.folder / "outputs" / f"{number:05d}-{fold}"

    def _reread(self) -> None:
        header, self.trials, good = read(self.path)
        if header != self.header:
            changed = sorted(k for k in header.keys() | self.header.keys() if header.get(k) != self.header.get(k))
            raise RunError(
                f"{self.folder} holds a run of other work ({', '.join(changed)} differ): "
                "choose another --out, or resume with the same data and options."
            )
        if good < self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(good)


def begun(folder: Path) -> bool:
    """Whether a run was begun in this folder: its ledger has a whole first line."""
    try:
        with (folder / FILE).open("rb") as file:
            return file.readline(_LONGEST_HEADER).endswith(b"\n")
    except FileNotFoundError:
        return False


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line, through to the disk; a line that could not be written whole is taken back."""
    text = (json.dumps(line, allow_nan=False) + "\n").encode()
    with path.open("ab", buffering=0) as file:  # nothing may be left in a buffer that closing would write
        size = file.tell()
        try:
            while text:
                text = text[file.write(text) :]
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(size)
            raise


def read(path: Path) -> tuple[dict[str, Any], list[Trial], int]:
    """Header, trials, and the number of bytes up to the end of the last whole line."""
    trials: list[Trial] = []
    good = 0
    try:
        lines = path.read_bytes().splitlines(keepends=True)
        header: dict[str, Any] = dict(safe_load.parsed(lines[0])["header"])
        good = len(lines[0])
        for line in lines[1:]:
            if not line.endswith(b"\n"):
                break
            trials.append(Trial.from_json(safe_load.parsed(line)))
            good += len(line)
    except safe_load.DAMAGE as error:
        raise RunError(f"{path} cannot be read as a ledger ({error}): start again in a new folder.") from error
    if header.get("format") != FORMAT:
        raise RunError(f"{path} has ledger format {header.get('format')}, this Penna reads {FORMAT}: start a new run.")
    return header, trials, good
