"""One training run for every family with a network. Torch stays in functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from penna.budget import Deadline, OutOfTime
from penna.data.arrays import Array
from penna.models.base import Pruned, Report
from penna.tasks.base import Task

if TYPE_CHECKING:
    from torch import nn

    from penna.networks.encoder_with_head import Network
    from penna.training import loop

Texts = TypeVar("Texts")


@dataclass(frozen=True)
class Validation(Generic[Texts]):
    """Encoded targets of validation rows, their ``texts``, and ``outputs(texts)`` of the network as it is."""

    task: Task
    y: Array
    texts: Texts
    outputs: Callable[[Texts], Array]

    def score(self, texts: Texts) -> float:
        """Return the score of these texts; higher is better."""
        return self.task.score(self.y, self.outputs(texts))


@dataclass(frozen=True)
class EncoderTraining(Generic[Texts]):
    """The training of one family: an encoder with a head, and its texts as rows of tokens.

    Parameters
    ----------
    network : Network
        Trained in place.
    train : Texts
        Tokenized texts, in the family's own form.
    ids : callable
        ``ids(texts)`` returns the token ids that occur in them.
    remapped : callable
        ``remapped(texts, lookup)`` returns the texts in the ids of a smaller vocabulary.
    rows : callable
        ``rows(texts)`` returns the training rows of remapped texts.
    plan : callable
        ``plan(n)`` returns how to train on n rows.
    validation : Validation, optional
        If omitted, nothing is selected on the way.
    start : callable, optional
        ``start(rows)`` initializes the head.
    trained : nn.Module, optional
        The module that the loop calls, if it wraps ``network``.
    fewest_steps : int
        A deadline that leaves fewer steps is an ``OutOfTime``.
    """

    network: Network
    train: Texts
    ids: Callable[[Texts], Array]
    remapped: Callable[[Texts, Array], Texts]
    rows: Callable[[Texts], loop.Rows]
    plan: Callable[[int], loop.Plan]
    validation: Validation[Texts] | None = None
    start: Callable[[loop.Rows], Any] | None = None
    trained: nn.Module | None = None
    fewest_steps: int = 30

    def run(self, deadline: Deadline, report: Report | None = None) -> loop.Outcome:
        """Train with the vocabulary that the texts use.

        Raises
        ------
        Pruned
            If ``report`` ends the training.
        OutOfTime
            If too few steps fit before the deadline.
        """
        from penna.networks import encoder_with_head

        validation = self.validation
        texts = [self.train] if validation is None else [self.train, validation.texts]
        with encoder_with_head.compact(self.network, np.unique(np.concatenate(list(map(self.ids, texts))))) as lookup:
            rows = self.rows(self.remapped(self.train, lookup))
            if self.start is not None:
                self.start(rows)
            score = None
            if validation is not None:
                valid = self.remapped(validation.texts, lookup)
                score = partial(validation.score, valid)
            module = self.network if self.trained is None else self.trained
            return train(module, rows, self.plan(len(rows)), deadline, score, report, self.fewest_steps)


def train(
    module: nn.Module,
    rows: loop.Rows,
    plan: loop.Plan,
    deadline: Deadline,
    score: Callable[[], float] | None,
    report: Report | None,
    fewest_steps: int,
) -> loop.Outcome:
    """Train a module in place, and raise Pruned or OutOfTime unless the result is usable."""
    from penna.training import loop

    outcome = loop.train(module, rows, plan, deadline, score, report or (lambda step, of, score: True))
    if outcome.why == "pruned":
        raise Pruned
    if outcome.why == "deadline" and outcome.steps < fewest_steps:
        raise OutOfTime(f"{outcome.steps} of {outcome.planned} steps fitted before the deadline: too few to learn from")
    return outcome
