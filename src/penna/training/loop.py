"""The training loop. Knows tensors and a deadline; never a task or a search."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from penna.budget import Deadline
from penna.training import batches, losses, optimizer, precision
from penna.training.weight_averaging import Averaging

Index = batches.Index
Inputs = dict[str, torch.Tensor]
State = dict[str, torch.Tensor]

#: The plan adapts to the measured step time only after this many steps.
SETTLED = 6
#: The pace is the mean time of this many recent steps.
RECENT = 50


class Diverged(RuntimeError):
    """The loss is not a number."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes
    ----------
    steps, batch : int
        Optimizer steps, and rows per step.
    rates, warmup, shape : Rates, float, str
        Peak learning rates, the share of steps for warm-up, and the schedule after it.
    clip, smoothing : float
        Gradient norm at most; label smoothing.
    checks, patience : int
        Validation scores during the training; checks without a better score that end it (0: never).
    dtype, loss : str
        Number format of matrix products; name in ``losses.LOSSES``.
    tokens : int
        If above 0, padded tokens per batch, instead of ``batch`` rows.
    average : int
        Number of late weights to average at the end, if the mean scores no worse.
    """

    steps: int
    batch: int = 32
    rates: optimizer.Rates = field(default_factory=optimizer.Rates)
    warmup: float = 0.1
    shape: str = "linear"
    clip: float = 1.0
    smoothing: float = 0.0
    checks: int = 5
    patience: int = 3
    seed: int = 0
    dtype: precision.Dtype = "float32"
    loss: str = "cross_entropy"
    tokens: int = 0
    average: int = 0


@dataclass(frozen=True)
class Rows:
    """The training rows.

    Attributes
    ----------
    lengths : ndarray of shape (n,)
        Tokens of each row.
    inputs : callable
        ``inputs(index)`` returns the tensors of one padded batch.
    y : ndarray of shape (n,) or (n, k)
        Class indices, 0/1 labels, or numbers for the loss "squared".
    weights : tuple of float, optional
        Weight of each class.
    shares : ndarray of shape (n,), optional
        Weight of each row, scaled to a mean of 1.
    """

    lengths: Index
    inputs: Callable[[Index], Inputs]
    y: np.ndarray[Any, Any]
    weights: tuple[float, ...] | None = None
    shares: np.ndarray[Any, Any] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.shares, np.ndarray) and self.shares.any():
            object.__setattr__(self, "shares", (self.shares / self.shares.mean(dtype=np.float64)).astype(np.float32))

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True)
class Outcome:
    """The result of a training. ``why`` is "done", "pruned", "patience" or "deadline" (planned steps did not fit)."""

    steps: int
    planned: int
    seconds: float
    score: float | None
    curve: tuple[tuple[int, float], ...]
    why: str


def train(
    network: nn.Module,
    rows: Rows,
    plan: Plan,
    deadline: Deadline,
    score: Callable[[], float] | None = None,
    report: Callable[[int, int, float], bool] = lambda step, of, score: True,
) -> Outcome:
    """Train ``network`` in place, and load its best weights at the end (without ``score``: its last ones).

    ``network(**inputs)`` returns (rows, columns) logits. ``score()`` evaluates its current weights; higher is better.
    If the planned steps do not fit before the deadline, the plan shrinks early, so that rates still reach zero.

    Raises
    ------
    Diverged
        If the loss or the score is not a number and there are no good weights yet.
    """
    run = _Run(network, rows, plan, deadline, score, report)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return run.all()


class _Run:
    """A training in progress: the only mutable object here."""

    def __init__(
        self,
        network: nn.Module,
        rows: Rows,
        plan: Plan,
        deadline: Deadline,
        score: Callable[[], float] | None,
        report: Callable[[int, int, float], bool],
    ) -> None:
        self.network, self.rows, self.plan, self.deadline = network, rows, plan, deadline
        self.score, self.report = score, report
        self.device = next(network.parameters()).device
        self.optimiser = optimizer.adamw(network, plan.rates)
        self.averaging = Averaging(network, plan.average)
        self.weights = None if rows.weights is None else torch.tensor(rows.weights, device=self.device)
        self.step, self.total = 0, plan.steps
        self.started = time.monotonic()
        self.paces: list[float] = []
        self.checked, self.check_seconds = 0, 0.0
        self.best: tuple[float, State] | None = None
        self.curve: list[tuple[int, float]] = []
        self.stale = 0

    def all(self) -> Outcome:
        """Train to the end and return the result."""
        why = "done"
        for index in batches.endless(self.rows.lengths, self.plan.batch, self.plan.seed, self.plan.tokens):
            self.fit_to_time()
            if self.step >= self.total:
                why = "done" if self.total == self.plan.steps else "deadline"
                break
            if not self.one(index):
                self.lost("loss")
                break
            if self.due() and (stop := self.check()):
                why = stop
                break
        self.settle()
        seconds = time.monotonic() - self.started
        score = None if self.best is None else self.best[0]
        return Outcome(self.step, self.plan.steps, seconds, score, tuple(self.curve), why)

    def one(self, index: Index) -> bool:
        """Take one step; return False if the loss is not a number."""
        start = time.monotonic()
        share = optimizer.height((self.step + 0.5) / self.total, self.plan.warmup, self.plan.shape)
        optimizer.set_rates(self.optimiser, share)
        if not math.isfinite(step(self.network, self.optimiser, self.rows, index, self.plan, self.weights)):
            return False
        self.step += 1
        self.paces.append(time.monotonic() - start)
        self.averaging.look(self.step / self.total)
        return True

    def lost(self, what: str) -> None:
        """Raise Diverged if there are no good weights to fall back on."""
        if self.best is None:
            raise Diverged(f"the {what} is not a number at step {self.step}: lower the learning rate.")

    def settle(self) -> None:
        """Load the mean of the last weights, or the best weights if these score better."""
        averaged = self.averaging.mean()
        if averaged is not None:
            load(self.network, averaged)
            if self.score is not None:
                self.network.eval()
                score = self.score()
                if self.best is None or score >= self.best[0]:
                    self.best = score, averaged
        if self.best is not None:
            load(self.network, self.best[1])

    def fit_to_time(self) -> None:
        """Shorten the plan to the steps that end before the deadline at the measured pace."""
        if self.deadline.over():
            self.total = self.step
        elif len(self.paces) >= SETTLED:
            # The first step includes the setup. Batches differ in length, so the pace is a mean over many.
            pace = float(np.mean(self.paces[1:][-RECENT:]))
            left = self.plan.checks - self.checked + (self.plan.average > 1)  # the mean is scored, too
            checks = left * self.check_seconds if self.score else 0.0
            self.total = min(self.plan.steps, self.step + max(0, int((self.deadline.left() - checks) / pace)))

    def due(self) -> bool:
        """Return whether it is time for the next of the equally spaced checks."""
        return self.score is not None and self.step * self.plan.checks >= (self.checked + 1) * self.total

    def check(self) -> str:
        """Score the current weights and keep the best; return the reason to stop here, or ""."""
        assert self.score is not None
        start = time.monotonic()
        self.network.eval()
        score = self.score()
        self.check_seconds = time.monotonic() - start
        if not math.isfinite(score):  # a step can destroy the weights although its loss, computed before it, was finite
            self.lost("score")
            return "done"
        self.checked = max(self.checked + 1, self.step * self.plan.checks // self.total)
        self.curve.append((self.step, score))
        # A later weight wins a tie of scores: its learning rate is lower.
        if self.best is None or score >= self.best[0]:
            self.best, self.stale = (score, snapshot(self.network)), 0
        else:
            self.stale += 1
        if not self.report(self.step, self.total, score):
            return "pruned"
        return "patience" if 0 < self.plan.patience <= self.stale else ""


def step(
    network: nn.Module,
    adamw: torch.optim.Optimizer,
    rows: Rows,
    index: Index,
    plan: Plan,
    weights: torch.Tensor | None,
) -> float:
    """Take one optimizer step on one batch and return its loss; if it is not finite, change nothing."""
    network.train()
    device = next(network.parameters()).device
    y = torch.from_numpy(rows.y[index]).to(device)
    inputs = {name: tensor.to(device) for name, tensor in rows.inputs(index).items()}
    with autocast(device, plan.dtype):
        logits = network(**inputs)
    each = losses.LOSSES[plan.loss](logits.float(), y, weights, plan.smoothing)
    shares = None if rows.shares is None else torch.from_numpy(rows.shares[index]).to(device)
    loss = each.mean() if shares is None else losses.believed(each, shares)
    value = float(loss.item())
    if math.isfinite(value):
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), plan.clip)
        adamw.step()
        adamw.zero_grad()
    return value


def autocast(device: torch.device, dtype: precision.Dtype) -> torch.autocast:
    """Return the context in which matrix products run in ``dtype``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16")


def snapshot(network: nn.Module) -> State:
    """Return a copy of all trainable weights."""
    return {name: p.detach().clone() for name, p in network.named_parameters() if p.requires_grad}


def load(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Load the weights of a ``snapshot``."""
    parameters: dict[str, Any] = dict(network.named_parameters())
    with torch.no_grad():
        for name, tensor in state.items():
            parameters[name].copy_(tensor)


def outputs(
    network: nn.Module, lengths: Index, inputs: Callable[[Index], Inputs], batch: int, dtype: precision.Dtype
) -> torch.Tensor:
    """Return (n, columns) float32 logits of every row, on the CPU, in the order of the rows."""
    network.eval()
    place = next(network.parameters()).device
    done: list[torch.Tensor] = []
    cuts = batches.ordered(lengths, batch)
    with torch.inference_mode(), autocast(place, dtype):
        for index in cuts:
            moved = {name: tensor.to(place) for name, tensor in inputs(index).items()}
            done.append(network(**moved).float().cpu())
    joined = torch.cat(done)
    back = torch.empty_like(joined)
    back[torch.from_numpy(np.concatenate(cuts))] = joined
    return back
