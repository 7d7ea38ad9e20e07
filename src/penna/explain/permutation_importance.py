"""Permutation importance: how much the score drops if a column is shuffled.

The idea is Breiman's (2001, "Random Forests", section 10; Fisher, Rudin and Dominici 2019, "All Models are Wrong, but
Many are Useful", whose model reliance it is). Rows keep every other cell: of two columns that say the same, neither
looks important.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from penna.budget import Deadline
from penna.data.arrays import Array
from penna.data.table import Table
from penna.tasks.base import Task

#: Times that each column is shuffled, where there is time; rows that are predicted, at most and at least.
_ROUNDS, _MOST, _FEWEST = 5, 1_000, 50
#: Rows by which the pace is measured.
_PROBE = 32


@dataclass(frozen=True)
class Loss:
    """The loss of score by shuffling a column: mean and standard deviation over shuffles."""

    column: str
    lost: float
    spread: float


def of_columns(
    outputs: Callable[[Table], Array], task: Task, table: Table, y: Array, deadline: Deadline, seed: int = 0
) -> list[Loss] | str:
    """Return the loss of every column, texts included, the largest first; or why there is none.

    table, y: rows that the model did not learn from, and their encoded target. Nothing is stated where there is one
    column alone: it is all that there is.
    """
    names = [*table.text, *table.columns]
    if len(names) < 2 or len(table) < 2:
        return []
    draw = np.random.default_rng(seed)
    some = draw.permutation(len(table))[:_MOST]
    pace = _pace(outputs, table.take(some[:_PROBE]))
    rounds = min(_ROUNDS, int(0.8 * deadline.left() / (pace * len(names) * len(some) + 1e-9)))
    if not rounds:  # fewer rows, once
        afforded = int(0.8 * deadline.left() / (pace * (len(names) + 1)))
        if afforded < min(_FEWEST, len(some)):
            return f"no time was left to shuffle {len(names)} columns: give a longer --budget"
        some, rounds = some[:afforded], 1
    rows, truth = table.take(np.sort(some)), y[np.sort(some)]
    judge = task.without_postprocessing()
    usual, lost = judge.score(truth, outputs(rows)), dict[str, list[float]]()
    for _ in range(rounds):
        for name in names:
            if deadline.over():
                return "time ran out while columns were shuffled"
            shuffled = _shuffled(rows, name, draw.permutation(len(rows)))
            lost.setdefault(name, []).append(usual - judge.score(truth, outputs(shuffled)))
    losses = [Loss(name, float(np.mean(each)), float(np.std(each))) for name, each in lost.items()]
    return sorted(losses, key=lambda loss: -loss.lost)


def _pace(outputs: Callable[[Table], Array], probe: Table) -> float:
    """Seconds that a row takes."""
    outputs(probe.take(np.array([0])))  # the first call allocates
    begun = Deadline(0.0)
    outputs(probe)
    return max(begun.spent() / len(probe), 1e-7)


def _shuffled(table: Table, name: str, order: Array) -> Table:
    """Made anew, because a table that is cut keeps the hashes of its texts."""
    if name in table.text:
        return replace(table, text={**table.text, name: table.text[name][order]})
    return replace(table, columns={**table.columns, name: table.columns[name][order]})
