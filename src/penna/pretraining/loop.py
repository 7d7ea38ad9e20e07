"""The pretraining loop. Knows a network, objectives, numbered batches and a clock; never files or a terminal."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from penna.errors import SettingError
from penna.pretraining import distributed
from penna.pretraining.network import Network
from penna.pretraining.objectives.base import Measures
from penna.pretraining.schedule import Clock, Exits
from penna.pretraining.source import Goal, Made, Source
from penna.pretraining.training_state import State
from penna.training import loop, optimizer, precision

SAVE_SECONDS = 300.0
LOG_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """How to train. ``save_steps`` add to the timed states, ``log_steps`` replace the timed lines (0: off)."""

    lr: float
    warmup: float = 0.06
    schedule: str = "linear"
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    dtype: precision.Dtype = "float32"
    save_steps: int = 0
    log_steps: int = 0


@dataclass
class Tally:
    """Sums since the last line, kept on their device: reading a number from a GPU makes it wait."""

    sums: dict[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    tokens: int = 0
    steps: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, measures: Mapping[str, tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Add the sums and counts of one batch."""
        for name, (total, count) in measures.items():
            old = self.sums.get(name)
            self.sums[name] = (total, count) if old is None else (old[0] + total, old[1] + count)

    def means(self, world: distributed.World) -> dict[str, float]:
        """Return the mean of each measure over all processes."""
        names = sorted(self.sums)
        sums = distributed.added(world, torch.stack([torch.stack(self.sums[n]).double().cpu() for n in names]))
        return {n: total / count for n, (total, count) in zip(names, sums.tolist(), strict=True) if count}


@dataclass(frozen=True)
class Line:
    """The figures of some steps."""

    state: State
    progress: float
    lr: float
    means: Mapping[str, float]
    tokens_per_second: float


@dataclass
class Training:
    """A training in progress, the only mutable object here. ``keep`` saves it, ``tell`` receives its lines."""

    network: Network
    source: Source
    exits: Exits
    plan: Plan
    clock: Clock
    keep: Callable[["Training"], None]
    tell: Callable[[Line], None]
    stopped: Callable[[], bool] = lambda: False
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.device = next(self.network.parameters()).device
        self.world = self.source.world
        self.network.train()
        self.named = parameters(self.network, self.source.goals)
        self.optimiser = adamw(self.named, self.plan)
        self.tally = Tally()
        self.saved = self.logged = time.monotonic()
        self.last: Line | None = None
        self.stepped = False

    def all(self) -> str:
        """Train until the steps or the time end; return the reason: "done" or "interrupted"."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            batches = self.source.stream(self.state.step, self.clock.progress)
            while not (now := self.orders()).why:
                share = optimizer.height(now.progress, self.plan.warmup, self.plan.schedule)
                optimizer.set_rates(self.optimiser, share)
                for _ in range(self.source.accumulate):
                    self.learn(next(batches).to(self.device))
                self.step()
                if now.log:
                    self.line()
                if now.save:
                    self.save()
            batches.close()  # ends the thread that prepares them
        self.save()
        return now.why

    def orders(self) -> "_Orders":
        """Return what to do next, as the first process decides."""
        now, step, plan = time.monotonic(), self.state.step, self.plan
        log = (step + 1) % plan.log_steps == 0 if plan.log_steps else now - self.logged >= LOG_SECONDS
        save = now - self.saved >= SAVE_SECONDS or bool(plan.save_steps and (step + 1) % plan.save_steps == 0)
        seen = [self.clock.progress(step), self.stopped(), self.clock.over(step), log, save]
        agreed = distributed.agree(self.world, seen)
        why = "interrupted" if agreed[1] else "done" if agreed[2] else ""
        return _Orders(agreed[0], why, bool(agreed[3]), bool(agreed[4]))

    def learn(self, batch: Made) -> None:
        """Add the gradients of one batch to those of the step."""
        # Only dropout draws from here on; the batch seeds it, so that a resumed run draws the same again.
        torch.manual_seed(hash((self.plan.seed, batch.number)) % 2**63)
        with loop.autocast(self.device, self.plan.dtype):
            loss, measures = losses(self.network, self.source.goals, batch, self.exits.at(self.state.step))
        (loss / self.source.accumulate).backward()
        self.tally.add({"loss": (loss.detach(), loss.new_ones(())), **measures})
        self.tally.tokens += batch.tokens

    def step(self) -> None:
        """Take one optimizer step with the gradients of all processes."""
        distributed.average(self.world, self.named.values())
        torch.nn.utils.clip_grad_norm_(self.named.values(), self.plan.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        before, now = self.state.seconds, self.clock.seconds()
        # The first step of a run includes the setup, and does not predict the others.
        self.clock.pace = max(now - before, 0.9 * self.clock.pace) if self.stepped else 0.0
        self.state, self.stepped = replace(self.state, step=self.state.step + 1, seconds=now), True
        self.tally.steps += 1

    def probe(self) -> None:
        """Run forward and backward on the first batch, without a trace."""
        batch = self.source.make(0, 0.5).to(self.device)
        with loop.autocast(self.device, self.plan.dtype):
            loss, _ = losses(self.network, self.source.goals, batch, {self.network.shape.layers: 1.0})
        loss.backward()
        self.optimiser.zero_grad()

    def line(self) -> None:
        """Report the steps since the last line. Raise SettingError if the loss is not a number."""
        means = self.tally.means(self.world)
        if not math.isfinite(means["loss"]):
            raise SettingError(
                f"the loss is not a number at step {self.state.step}: lower --lr, and continue from the "
                "last good state with --resume."
            )
        now = time.monotonic()
        tokens = int(distributed.added(self.world, torch.tensor(self.tally.tokens)))
        self.state = replace(self.state, tokens=self.state.tokens + tokens)
        pace = tokens / max(now - self.tally.since, 1e-9)
        lr = max(group["lr"] for group in self.optimiser.param_groups)
        self.last = Line(self.state, self.clock.progress(self.state.step), lr, means, pace)
        self.tell(self.last)
        self.logged, self.tally = now, Tally()

    def save(self) -> None:
        """Save the training, after a check that the loss is a number."""
        if self.tally.steps:
            self.line()
        start = time.monotonic()
        self.state = replace(self.state, seconds=self.clock.seconds())
        self.keep(self)
        distributed.wait(self.world)
        self.state = replace(self.state, seconds=self.clock.seconds())
        self.saved = time.monotonic()
        self.tally.since = self.saved
        # Twice the time of writing: the speed of a disk varies.
        self.clock.reserve = max(self.clock.reserve, 2 * (self.saved - start))


@dataclass(frozen=True)
class _Orders:
    progress: float
    why: str  # why the training ends here; empty if it continues
    log: bool
    save: bool


def losses(
    network: Network, goals: Sequence[Goal], batch: Made, exits: Mapping[int, float]
) -> tuple[torch.Tensor, Measures]:
    """Return the weighted loss over all goals and exits, and its measures; inner exits are named "name@depth"."""
    inputs = dict(batch.inputs)
    for goal in goals:
        inputs |= goal.objective.aim(inputs)
    seen = network(inputs["ids"], inputs["types"], inputs.get("mask"), list(exits))
    total: Any = 0.0
    measures: Measures = {}
    for states, share in zip(seen, exits.values(), strict=True):
        where = "" if states.depth == network.shape.layers else f"@{states.depth}"
        for goal in goals:
            loss, goal_measures = goal.objective.loss(network, states.rows(batch.views[goal.objective.view]), inputs)
            total = total + share * goal.weight * loss
            measures |= {name + where: value for name, value in goal_measures.items()}
    return total, measures


def parameters(network: Network, goals: Sequence[Goal]) -> dict[str, torch.nn.Parameter]:
    """Return all trainable parameters by name; shared ones occur once."""
    named = dict(network.named_parameters())
    for goal in goals:
        named |= {f"{goal.name}.{name}": p for name, p in goal.objective.module.named_parameters()}
    return named


def adamw(named: Mapping[str, torch.nn.Parameter], plan: Plan) -> torch.optim.AdamW:
    """Return a fused AdamW (betas 0.9 and 0.98: Liu et al. 2019, section 3.1); only matrices decay."""
    matrices = [p for p in named.values() if p.ndim >= 2]
    rest = [p for p in named.values() if p.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "peak": plan.lr, "weight_decay": plan.weight_decay},
        {"params": rest, "peak": plan.lr, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.lr, betas=(0.9, 0.98), eps=1e-6, fused=True)
