"""One number for each text. Light: serving opens this file.

Models learn and answer in units of the target's standard deviation around its mean, so that none has to know what a
price in millions or a share in thousandths is; what people read is in the target's own units.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penna import metrics
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Finding, Objects, Table
from penna.errors import SettingError, TaskError
from penna.preprocessing.data_findings import of_rows
from penna.tasks import _numeric_target as cells
from penna.tasks.base import TaskDefaults

#: What scikit-learn calls an estimator of this task.
ESTIMATOR_TYPE = "regressor"
#: As in ``classification``.
IS_SCALAR = True

#: Metric -> (how it is computed, its sign in ``score``, where higher is better, whether it is in the target's units).
_METRICS: dict[str, tuple[metrics.Metric, int, bool]] = {
    "r2": (metrics.r2, 1, False),
    "rmse": (metrics.rmse, -1, True),
    "mae": (metrics.mae, -1, True),
    "pearson": (metrics.pearson, 1, False),
    "spearman": (metrics.spearman, 1, False),
}
_METRICS |= {metric.name: (metric.metric, metric.sign, False) for metric in metrics.registered("regression")}
METRICS = tuple(_METRICS)
#: Beyond, squares overflow.
_LARGEST = 1e100
#: Of the deviation: a target whose numbers are nearer to one another is one number.
_LEAST = 1e-110
#: Of the cells that hold something so many may be no number: they are named and left out.
_FEW = 0.05
#: Strata are tenths of the rows by size of the target, fewer where a tenth would be under ten rows.
_STRATA = 10


def matches(table: Table) -> bool:
    """Return a target of many different numbers."""
    return table.target is not None and not table.target_form and cells.amounts(table.target.tolist())


def inference_note(table: Table) -> str:
    """Return what ``recognise`` has to say for itself."""
    assert table.target is not None
    different = len(set(table.target.tolist()))
    return (
        f"column {table.target_name!r} holds {different:,} different numbers: taken as an amount to predict "
        "(regression); for classes, say --task classification."
    )


def prepare_target(table: Table, rare: str = "error") -> tuple[Table, list[Finding]]:
    """Return the rows whose target is a number, and those targets as float. ``rare`` is for classes.

    Raises TaskError, naming rows, for text and infinities, and for a target that is the same everywhere.
    """
    if table.target is None or not len(table):
        raise TaskError("there is nothing to learn from: the table has no target column or no rows.")
    given = table.target.tolist()
    values = cells.numbers(given)
    absent = np.fromiter(map(cells.absent, given), bool, len(given))
    wrong = ~absent & (np.isnan(values) | (np.abs(values) > _LARGEST))
    if wrong.sum() > _FEW * (~absent).sum():
        _refuse(
            table, ~absent & np.isnan(values), "is no number", "correct or drop such rows, or say --task classification"
        )
        _refuse(table, wrong, "is infinite, or as good as", "correct or drop such rows")
    missing = f"rows left out for a missing {table.target_name!r}"
    found = [*of_rows("missing target", missing, table.row_numbers[absent], of=len(table)), *_odd(table, wrong)]
    absent |= wrong
    kept = table.take(np.flatnonzero(~absent))
    if not len(kept):
        raise TaskError(f"column {table.target_name!r} is empty in all {len(table)} rows: choose another target.")
    if np.ptp(values[~absent]) <= max(1e-12 * np.abs(values[~absent]).max(), 1e-100):
        raise TaskError(
            f"column {table.target_name!r} is {_short(values[~absent][0])} in every row: there is nothing to tell "
            "apart; choose another target."
        )
    numbers = np.empty(len(kept), dtype=object)
    numbers[:] = values[~absent].tolist()
    return replace(kept, target=numbers), found


def _refuse(table: Table, wrong: Array, what: str, remedy: str) -> None:
    if not wrong.any():
        return
    at = np.flatnonzero(wrong)
    assert table.target is not None
    named = ", ".join(f"{str(table.target[i])[:40]!r} in row {int(table.row_numbers[i])}" for i in at[:3])
    more = f" and {len(at) - 3} more" if len(at) > 3 else ""
    raise TaskError(f"column {table.target_name!r} {what} in {len(at)} of {len(table)} rows ({named}{more}): {remedy}.")


def _odd(table: Table, wrong: Array) -> list[Finding]:
    """Return findings about the few cells that are not numbers."""
    assert table.target is not None
    examples = [repr(str(cell)[:40]) for cell in table.target[wrong][:3]]
    what = f"rows left out because their {table.target_name!r} is no number"
    return of_rows("unusable target", f"{what} ({', '.join(examples)})", table.row_numbers[wrong], of=len(table))


def from_table(table: Table, metric: str | None = None) -> "Regression":
    """Return the task of predicting this table's numbers; R2 without ``metric``.

    Raises TaskError as ``settle`` does.
    """
    metric = metric or "r2"
    if metric not in _METRICS:
        raise SettingError(f"there is no metric {metric!r} for numbers: choose one of {', '.join(_METRICS)}.")
    settled, _ = prepare_target(table)
    assert settled.target is not None
    values = settled.target.astype(np.float64)
    return Regression(float(values.mean()), float(values.std()), float(values.min()), float(values.max()), metric)


def restore(data: Mapping[str, Any]) -> "Regression":
    """Return the task that ``to_json`` wrote down. Raises TaskError where the data is not of that form."""
    try:
        numbers = [float(data[name]) for name in ("centre", "scale", "low", "high")]
        if not all(abs(number) <= _LARGEST for number in numbers) or numbers[1] < _LEAST or numbers[2] > numbers[3]:
            raise ValueError("its numbers do not fit together")
        if data["metric"] not in _METRICS:
            raise ValueError(f"unknown metric {data['metric']!r}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TaskError(f"the stored task is damaged ({error!r}): fit again, or take an intact artifact.") from error
    centre, scale, low, high = numbers
    return Regression(centre, scale, low, high, data["metric"])


@dataclass(frozen=True)
class Regression(TaskDefaults):
    """Prediction of one number: its mean, standard deviation, least and greatest value over the rows given.

    Answers are kept between the least and the greatest value: a rating of 5.3 out of 5 helps nobody, and a model of
    texts has no ground to stand on beyond what it has seen.
    """

    centre: float
    scale: float
    low: float
    high: float
    metric: str = "r2"

    name = "regression"
    output_kind = OutputKind.NUMBERS
    allows_empty = False
    classes = ()
    columns = 1

    def fit_target(self, table: Table) -> "Regression":
        """Return the same task in the units of these rows.

        Those of the test set are not to say how far an answer may go.
        """
        return from_table(table, self.metric)

    def encode(self, table: Table) -> Array:
        """(n,) float64 in standard deviations from the mean. Raises TaskError, naming rows, for what is no number."""
        if table.target is None:
            raise TaskError(f"the table has no target: it needs the column {table.target_name!r}.")
        values = cells.numbers(table.target.tolist())
        _refuse(table, ~(np.abs(values) <= _LARGEST), "is no finite number", "correct or drop such rows")
        return np.asarray((values - self.centre) / self.scale)

    def usable(self, table: Table) -> Array:
        """Return (n,) bool: whose target ``encode`` takes."""
        assert table.target is not None
        return np.asarray(np.abs(cells.numbers(table.target.tolist())) <= _LARGEST)

    def score(self, y: Array, outputs: Array) -> float:
        """Return the metric, higher is better."""
        metric, sign, unit = self._metric()
        return sign * unit * metric(y, self._kept(outputs))

    def score_error(self, y: Array, outputs: Array, seed: int = 0) -> float:
        """Return the bootstrap standard error of ``score``."""
        metric, _, unit = self._metric()
        return unit * metrics.bootstrap_error(y, self._kept(outputs), metric, seed=seed)

    def measure(self, y: Array, outputs: Array) -> dict[str, Any]:
        """JSON-able: ``rows``, and each metric as ``[value, low, high]``; RMSE and MAE in the target's units."""
        if not len(y):
            raise TaskError("there are no rows to measure on: give a table with at least one.")
        kept = self._kept(outputs)
        return {
            "rows": len(y),
            **{
                name: [(self.scale if own else 1.0) * value for value in metrics.bootstrap(y, kept, metric)]
                for name, (metric, _, own) in _METRICS.items()
            },
        }

    def strata(self, table: Table) -> Array:
        """Return (n,) int64: splits keep the shares of these."""
        y = self.encode(table)
        parts = int(np.clip(len(y) // _STRATA, 1, _STRATA))
        edges = np.unique(np.quantile(y, np.linspace(0, 1, parts + 1)[1:-1]))
        return np.asarray(np.unique(np.searchsorted(edges, y, side="right"), return_inverse=True)[1], np.int64)

    def decode(self, outputs: Array) -> Objects:
        """Return (n,) predictions in the user's own form."""
        return self.labels(self._kept(outputs)[:, 0])

    def labels(self, y: Array) -> Objects:
        """Return (n,) what ``encode`` was given."""
        # Six digits of what the target varies by: the seventh is noise of float32.
        values = np.round(y * self.scale + self.centre, 5 - math.floor(math.log10(self.scale)))
        found = np.empty(len(values), dtype=object)
        found[:] = values.tolist()
        return found

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a file that holds no lists."""
        return list(answers)

    def probabilities(self, outputs: Array) -> Array:
        """Return (n, classes) probabilities from outputs."""
        raise TaskError("this model predicts a number, which has no probabilities: use predict.")

    def constant_baseline(self, y: Array) -> tuple[str, Array]:
        """Return the name and the output of a constant prediction."""
        return "mean of the target", np.array([y.mean()], np.float32)

    def sklearn_score(self, truth: Sequence[Any], answers: Sequence[Any], weights: Any = None) -> float:
        """R2, as scikit-learn scores regressors."""
        from sklearn.metrics import r2_score

        return float(r2_score(cells.numbers(list(truth)), np.asarray(answers, np.float64), sample_weight=weights))

    def describe(self) -> dict[str, str]:
        """Return phrases for the model card."""
        spread = f"(the target's standard deviation is {_short(self.scale)})"
        return {
            "model": "text regressor",
            "answer": f"a number: {_short(self.low)} to {_short(self.high)} in the rows it was fitted on, never beyond",
            "unusable": "their target is no number",
            "confidence": f"on average it is off by the mean absolute error above {spread}",
        }

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        numbers = {"centre": self.centre, "scale": self.scale, "low": self.low, "high": self.high}
        return {"name": self.name, "metric": self.metric, **numbers}

    def _metric(self) -> tuple[metrics.Metric, int, float]:
        metric, sign, own = _METRICS[self.metric]
        return metric, sign, self.scale if own else 1.0

    def _kept(self, outputs: Array) -> Array:
        """(n, 1) float64 outputs, none of them beyond the target's least and greatest value."""
        low, high = ((end - self.centre) / self.scale for end in (self.low, self.high))
        return np.clip(outputs.astype(np.float64), low, high)


def _short(value: float) -> str:
    return f"{value:.6g}"
