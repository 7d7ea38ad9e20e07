"""Trials and the append-only TrialLog that stores them; a search resumes by reading it again."""

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
    """The result of one recipe on some folds.

    Attributes
    ----------
    recipe, state : Recipe, State
        The recipe that ran, and how the trial ended.
    folds, scores, score_std_errors : tuple
        Folds, the score of each (higher is better), and its bootstrap standard error.
    seconds, predicted_seconds : float
        Measured and predicted time.
    size_mb, latency_ms : float, optional
        Predicted size of the artifact, and predicted time for one text.
    reason : str
        Why it was skipped or pruned, or failed.
    curve : tuple of (int, float)
        The (step, score) pairs that the first fold reported.
    rows_per_second : float
        Measured throughput on the last validation part; 0 if that has too few rows.
    number : int
        Position in the log.
    proposal_key : str
        Key of the proposal; the recipe differs from it if the runner shrank it to fit.
    phase : str
        Phase of the search that requested it: "baseline", "portfolio", "tpe", "finalist" ...
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
    rows_per_second: float = 0.0
    number: int = -1
    proposal_key: str = ""
    phase: str = ""

    @property
    def score(self) -> float:
        """The mean over folds; -inf if no fold finished."""
        return float(np.mean(self.scores)) if self.scores else -math.inf

    @property
    def score_std(self) -> float:
        """The standard deviation over folds; for a single fold, the bootstrap standard error of its score."""
        if len(self.scores) > 1:
            return float(np.std(self.scores, ddof=1))
        return self.score_std_errors[0] if self.score_std_errors else 0.0

    @property
    def lower_score(self) -> float:
        """The mean minus half a standard deviation, by which finalists are chosen."""
        return self.score - 0.5 * self.score_std

    def to_json(self) -> dict[str, Any]:
        """Return a form for JSON."""
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
        trial = cls(**fields)
        trial._check()
        return trial

    def _check(self) -> None:
        """Raise TypeError for values of a wrong type: a damaged line of a log may still be JSON."""
        numbers = [*self.scores, *self.score_std_errors, *self.folds, self.number, self.seconds, self.rows_per_second]
        numbers += [self.recipe.fidelity, self.recipe.seed]
        costs = (self.predicted_seconds, self.size_mb, self.latency_ms)
        numbers += [value for value in costs if value is not None]
        if not all(isinstance(value, int | float) for value in numbers):
            raise TypeError("a value of a trial is not a number")
        if not all(
            isinstance(value, str) for value in (self.reason, self.proposal_key, self.phase, self.recipe.family)
        ):
            raise TypeError("a value of a trial is not a text")


class TrialLog:
    """The append-only list of trials in ``folder/trials.jsonl``, with the out-of-fold outputs of each trial.

    The first line is a header with the format and the problem (table fingerprint, task, metric, seed ...). A log with
    another header cannot be resumed. A last line that a kill truncated is dropped. A file without a complete first
    line has no run and is started again.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.folder = folder
        self.path = folder / FILE
        self.header = {"format": FORMAT, **header}
        self.trials: list[Trial] = []
        if begun(folder):
            self._reread()

    def begin(self) -> None:
        """Write the header if it is missing; a run that fails earlier leaves no folder.

        The header is written to another file and renamed, so that a full disk or a kill leaves all of it or none.
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
        """Return the trial with its number, after its line and its (rows, k) outputs of each fold are on disk."""
        trial = replace(trial, number=len(self.trials))
        self.begin()
        if outputs:
            (self.folder / "outputs").mkdir(exist_ok=True)
            # The arrays come first: a line in the log means that its outputs exist.
            for fold, array in outputs.items():
                ragged.save(self._outputs_path(trial.number, fold), array)
        _append(self.path, trial.to_json())
        self.trials.append(trial)
        return trial

    def outputs(self, trial: Trial, fold: int) -> np.ndarray[Any, Any]:
        """Return (rows, k) float32 outputs on the fold's validation part, or an array for each row (``ragged``)."""
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
                f"{self.folder} holds another run ({', '.join(changed)} differ): "
                "choose another --out, or resume with the same data and options."
            )
        if good < self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(good)


def begun(folder: Path) -> bool:
    """Return whether this folder has a run: its log has a complete first line."""
    try:
        with (folder / FILE).open("rb") as file:
            return file.readline(_LONGEST_HEADER).endswith(b"\n")
    except FileNotFoundError:
        return False


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """Append one line and flush it to disk; remove a line that could not be written completely."""
    text = (json.dumps(line, allow_nan=False) + "\n").encode()
    with path.open("ab", buffering=0) as file:  # unbuffered: closing must not write anything
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
    """Return header, trials, and the number of bytes up to the end of the last complete line."""
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
        raise RunError(f"{path} cannot be read as a trial log ({error}): start again in a new folder.") from error
    if header.get("format") != FORMAT:
        raise RunError(
            f"{path} has trial log format {header.get('format')}, this Penna reads {FORMAT}: start a new run."
        )
    return header, trials, good
