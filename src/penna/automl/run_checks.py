"""The checks of one table, the quick ones first, while time lasts. Knows models and encoders."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penna import extras
from penna.automl import cross_predict
from penna.budget import Resources
from penna.data.table import Finding, Table
from penna.encoders import checkpoints
from penna.encoders.load_time import setup_seconds
from penna.errors import EncoderError
from penna.preprocessing import checks
from penna.preprocessing.check_context import CheckContext, Truncation
from penna.preprocessing.checks import label_errors
from penna.tasks.base import Task

_ENCODING = 0.4  # of the time that is left, the most that embedding may take
_FINISHING = 0.08  # of the budget, kept for the checks that come last

NO_ENCODER = "no encoder was used: give one with --encoder (a folder or a hub name)"


class CheckRun:
    """The checks of one sheet, the quick ones first; what was found and skipped so far."""

    def __init__(self, sheet: CheckContext, settled: Table | None, task: Task | None, resources: Resources) -> None:
        self.sheet, self.settled, self.task, self.resources = sheet, settled, task, resources
        self.checks = {name: checks.find(name) for name in checks.names()}
        self.findings: list[Finding] = []
        self.looked: dict[str, str] = {}
        self.skipped: list[tuple[str, str]] = []
        self.models: tuple[str, ...] = ()

    def quick(self) -> None:
        """Run the checks that need only the table."""
        for name, check in self.checks.items():
            if not check.NEEDS and name != "lengths":
                self._one(name)

    def late(self) -> None:
        """Run the checks that need embeddings or predictions."""
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

    def find_label_errors(self, encoders: tuple[str, ...], seed: int) -> None:
        """Embed the texts where there is an encoder; ask models for labels that they have not seen."""
        deadline = self.resources.deadline
        reserve = replace(self.resources, deadline=deadline.before(_FINISHING * deadline.seconds))
        wanted = (encoders or checkpoints.shipped()) if self.sheet.table.text else ()
        lacking = bool(wanted and extras.missing("encoders"))
        wanted = () if lacking else wanted
        usable = [name for name in wanted if self._embed(name, reserve)]
        if self.sheet.vectors is None:
            self.skipped.append(
                ("text_outliers", f"encoders need PyTorch: {extras.advice('encoders')}" if lacking else NO_ENCODER)
            )
        if not self.sheet.table.text:
            self.skipped.append(("label_errors", "the table has no text"))
            return
        if extras.missing("label errors"):
            self.skipped.append(("label_errors", f"this check needs cleanlab: {extras.advice('label errors')}"))
            return
        if self.settled is None or self.task is None or not self.sheet.classes:
            self.skipped.append(("label_errors", "the target is no set of classes that could be learned"))
            return
        found = self._answers(self.task, self.settled, reserve, usable, seed)
        self.models = found.used
        self.skipped += found.skipped
        if found.outputs is None:
            if all(what != "label_errors" for what, _ in found.skipped):
                self.skipped.append(("label_errors", "no model was finished in time: raise --budget"))
            return
        left_out = int(np.isnan(found.outputs[:, 0]).sum())
        if left_out:
            self.skipped.append((f"the labels of {left_out:,} rows", "20,000 rows of each fold are predicted"))
        outputs = np.full((len(self.sheet), len(self.sheet.classes)), np.nan, np.float32)
        place = np.searchsorted(self.sheet.rows, self.settled.rows)
        outputs[place] = 0
        outputs[place, : found.outputs.shape[1]] = found.outputs
        self.sheet = self.sheet.found(outputs=outputs)

    def _answers(
        self, task: Task, table: Table, resources: Resources, encoders: Sequence[str], seed: int
    ) -> cross_predict.Answers:
        """Answers of models that did not learn from the labels that the first ones doubted, where there is time.

        On sst2 with 10 % flipped labels, the second round finds one more in fifty, and is wrong once less in fifty.
        """
        started = resources.deadline.left()
        first = cross_predict.answers(task, table, resources, encoders=encoders, seed=seed)
        spent = started - resources.deadline.left()
        if first.outputs is None or resources.deadline.left() < 1.5 * spent:
            return first
        doubted = label_errors.doubted(task.encode(table), first.outputs)
        second = cross_predict.answers(task, table, resources, encoders=encoders, seed=seed, doubted=doubted)
        return second if second.used == first.used else first

    def _embed(self, name: str, resources: Resources) -> bool:
        """Vectors of all rows and their lengths in tokens, of the first encoder that there is time for."""
        from penna.encoders import embeddings, tokens
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
            mean = float(np.mean([len(text) for text in self.sheet.table.full_text]))
            vectors = embeddings.embed(
                checkpoint, self.sheet.table, depth=checkpoint.depth_at(1.0), length=256 if mean > 400 else 128,
                dtype=str(fastest_dtype()).removeprefix("torch."), cache=resources.cache, threads=resources.threads,
                deadline=deadline,
            )  # fmt: skip
        except EncoderError as error:
            self.skipped.append((name, str(error)))
            return False
        except embeddings.Unfinished:
            self.skipped.append((name, "its embeddings took too long; those that are done are kept: raise --budget"))
            return False
        if self.sheet.vectors is None:
            self.sheet = self.sheet.found(vectors=vectors, reach=Truncation(name, whole, checkpoint.max_length))
        return True
