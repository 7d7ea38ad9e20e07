"""The progress of a training by steps or by the wall clock, and the exits that a step trains. Knows a clock only."""

import time
from dataclasses import dataclass

from penna.pretraining.objectives.base import drawing

_PURPOSE = 2


@dataclass
class Clock:
    """``earlier``: seconds that earlier runs of the same training spent; ``began``: seconds before its first step."""

    steps: int | None
    budget: float | None
    earlier: float = 0.0
    began: float = 0.0
    reserve: float = 0.0  # seconds for writing the encoder
    pace: float = 0.0  # seconds of a step: no step starts that would end too late
    started: float = 0.0  # start of this run on the monotonic clock

    def seconds(self) -> float:
        """Return the seconds spent in all runs."""
        return self.earlier + time.monotonic() - self.started

    def progress(self, step: int) -> float:
        """Return the share done, in the middle of this step; at most 1."""
        by_steps = (step + 0.5) / self.steps if self.steps else 0.0
        by_time = 0.0
        if self.budget is not None:
            room = self.budget - self.reserve - self.pace - self.began
            by_time = (self.seconds() - self.began) / room if room > 0 else 1.0
        return min(max(by_steps, by_time), 1.0)

    def over(self, step: int) -> bool:
        """Return whether the training ends before this step."""
        if self.steps is not None and step >= self.steps:
            return True
        return self.budget is not None and self.seconds() >= self.budget - self.reserve - self.pace


@dataclass(frozen=True)
class Exits:
    """The depths to train, and how each step trains them.

    With "joint", every step trains the whole encoder and one inner depth d of the same pass, for the cost of one more
    head. Its weight is d / D, so deeper ones count more (Zhou et al. 2020, section 3.3). With "single", a step ends
    at one depth, drawn in proportion to the depth, so that steps cost less than the whole encoder.
    """

    depths: tuple[int, ...]
    how: str = "joint"
    seed: int = 0

    def at(self, step: int) -> dict[int, float]:
        """Return the depths of this step in ascending order, with weights that sum to 1; the same in any process."""
        *inner, full = self.depths
        if not inner:
            return {full: 1.0}
        draw = drawing(self.seed, step, _PURPOSE)
        if self.how == "single":
            chances = [depth / sum(self.depths) for depth in self.depths]
            return {int(draw.choice(self.depths, p=chances)): 1.0}
        depth = int(draw.choice(inner))
        return {depth: depth / (depth + full), full: full / (depth + full)}

    @property
    def mean_depth(self) -> float:
        """The mean number of layers that a step applies."""
        if self.how == "joint":
            return float(self.depths[-1])
        return sum(depth * depth for depth in self.depths) / sum(self.depths)

    @property
    def heads(self) -> float:
        """The number of exits that a step trains."""
        return 2.0 if len(self.depths) > 1 and self.how == "joint" else 1.0
