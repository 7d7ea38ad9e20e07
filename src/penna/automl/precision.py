"""The precision of encoders in an artifact: int8, if what it costs on validation rows is below a tolerance."""

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penna import hardware
from penna.artifact import bundle
from penna.artifact.bundle import Bundle
from penna.atomic_folders import swap
from penna.automl import package, postprocess
from penna.automl.package import EnsembleMember
from penna.automl.run_limits import AUTO, FP32, INT8
from penna.automl.search_loop import SearchResult
from penna.automl.selection import Selection
from penna.automl.time_budget import INT8_WRITES
from penna.data.table import Table
from penna.export import Quantization
from penna.models.shared.encoder_io import given

#: Name of the folder in which the artifact is written in int8 first.
STAGING = "model-int8"
#: Rows on which activations are measured, and validation rows on which scores are compared.
CALIBRATION_ROWS, MOST_ROWS = 300, 4000
#: Fewer rows tell nothing about a loss of half a point.
LEAST_ROWS = 50
#: Share of the time left in which validation rows may be predicted.
SHARE = 0.3
#: Two-sided 95 % of a normal distribution.
_NORMAL = 1.96


@dataclass(frozen=True)
class Loss:
    """What int8 costs, in points of the metric: ``mean``, the upper end of its interval, and the rows needed.

    ``needed`` is how many validation rows would show a mean this small to be below the tolerance.
    """

    mean: float
    upper: float
    rows: int
    needed: int


def choose(
    result: SearchResult,
    opened: Bundle,
    choice: Selection,
    members: Sequence[EnsembleMember],
    row_seconds: float,
) -> tuple[Bundle, dict[str, Any]]:
    """Return the artifact in the precision that is served, and the entries of the manifest about it.

    The artifact in fp32 is written already, and stays unless int8 is better. It predicts a row of a batch in
    ``row_seconds``.
    """
    limits = result.limits
    if limits.precision == FP32 or not any(m.trial.recipe.get("encoder") for m in members):
        return opened, {}
    cost_model = result.chooser.time.cost_model
    left = limits.deadline.left() - INT8_WRITES * sum(cost_model.writing(m.trial.recipe) for m in members)
    rows = _validation_rows(result, round(left * SHARE / row_seconds))
    if limits.precision == AUTO and len(rows) < LEAST_ROWS:
        return opened, {"encoders": FP32, "reason": "no time was left to compare int8: raise --budget"}
    expected = opened.outputs(rows)
    quantized = package.write(result, choice, members, STAGING, _quantization(result, members))
    loss = _loss(result, rows, expected, quantized.outputs(rows))
    facts = {"loss_points": round(loss.mean, 3), "upper_points": round(loss.upper, 3), "rows": loss.rows}
    if limits.precision == AUTO and loss.upper > limits.tolerance:
        shutil.rmtree(quantized.folder, ignore_errors=True)
        return opened, {"encoders": FP32, **facts, "reason": _reason(loss, limits.tolerance)}
    swap(quantized.folder, opened.folder)
    return bundle.load(opened.folder), {"encoders": INT8, **facts}


def _validation_rows(result: SearchResult, affordable: int) -> Table:
    """Return validation rows of the first round, as many as can be predicted in time."""
    problem = result.problem
    rows = np.unique(np.concatenate([problem.folds[f][1] for f in result.chooser.scores.first_round]))
    most = min(MOST_ROWS, max(affordable, LEAST_ROWS - 1))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return problem.table.take(rows)


def _quantization(result: SearchResult, members: Sequence[EnsembleMember]) -> Quantization:
    """Return how to quantize, with texts as the heaviest member's recipe cleans them."""
    recipe = max(members, key=lambda m: m.weight).trial.recipe
    table = result.problem.table_for(recipe).take(result.problem.searched)
    rows = np.random.default_rng(0).permutation(len(table))[:CALIBRATION_ROWS]
    texts = given(table.take(np.sort(rows)))
    return Quantization(texts, hardware.int8_products() is False, result.limits.resources.threads)


def _loss(result: SearchResult, rows: Table, expected: Any, outputs: Any) -> Loss:
    task = result.problem.task
    y, score = task.encode(rows), task.score
    gain, error = postprocess.paired_gain(y, expected, outputs, score)
    base = abs(score(y, expected))
    scale = 100.0 if base <= 1 else 100.0 / base  # a metric beyond 1 counts in percent of itself
    mean, error = -scale * gain, scale * error
    room = result.limits.tolerance - mean
    needed = math.ceil(len(rows) * (_NORMAL * error / room) ** 2) if room > 0 else 0
    return Loss(mean, mean + _NORMAL * error, len(rows), needed)


def _reason(loss: Loss, tolerance: float) -> str:
    if loss.needed:
        return (
            f"int8 costs {loss.mean:.2f} points, {loss.upper:.2f} at most, on {loss.rows:,} validation rows: about "
            f"{loss.needed:,} rows would be needed to show that it costs less than {tolerance:g}"
        )
    return f"int8 costs {loss.mean:.2f} points on {loss.rows:,} validation rows, more than {tolerance:g}"
