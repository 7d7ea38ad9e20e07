"""From batch numbers to tensors, one ahead of the training: segments, and what the objectives prepare of them."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from penna.data.arrays import Array
from penna.pretraining.batch import Batch
from penna.pretraining.distributed import World
from penna.pretraining.objectives.base import Objective, rows


class Numbered(Protocol):
    """What gives the same batch for the same number, in any process."""

    def batch(self, number: int) -> Batch: ...


@dataclass(frozen=True)
class Goal:
    """An objective with its name and weight."""

    name: str
    weight: float
    objective: Objective


@dataclass(frozen=True)
class Made:
    """One batch as tensors, which rows each view has, and how many tokens it holds without padding."""

    inputs: Mapping[str, torch.Tensor]
    views: Mapping[str, slice]
    number: int
    tokens: int

    def to(self, device: torch.device) -> "Made":
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in self.inputs.items()}
        return Made(moved, self.views, self.number, self.tokens)


@dataclass(frozen=True)
class Source:
    """What a training reads. Step t, part p and rank r read batch ``(t * accumulate + p) * world + r``.

    So one process that accumulates two batches learns from what two processes learn from.
    """

    segments: Numbered
    goals: Sequence[Goal]
    accumulate: int = 1
    world: World = World()  # noqa: RUF009  (frozen)
    clean: float = 0.5
    pinned: bool = False  # in memory that a GPU can fetch by itself

    def make(self, number: int, progress: float) -> Made:
        """Return the batch of this number; ``progress`` is the share of the training done."""
        batch = self.segments.batch(number)
        views = rows(len(batch.ids), {goal.objective.view for goal in self.goals}, self.clean)
        arrays: dict[str, Array] = {"ids": batch.ids, "types": batch.types}
        if int(batch.lengths.min()) < batch.ids.shape[1]:  # without padding there is no mask to apply
            arrays["mask"] = batch.mask
        for goal in self.goals:
            arrays |= goal.objective.prepare(batch, views[goal.objective.view], number, progress)
        return Made({k: self._tensor(v) for k, v in arrays.items()}, views, number, int(batch.lengths.sum()))

    def _tensor(self, array: Array) -> torch.Tensor:
        tensor = torch.from_numpy(array if array.dtype == np.bool_ else array.astype(np.int64))
        return tensor.pin_memory() if self.pinned else tensor

    def stream(self, step: int, progress: Callable[[int], float]) -> Generator[Made]:
        """Batches from this step on, each made while the one before it is learned."""
        with ThreadPoolExecutor(1, "penna-batches") as maker:
            ahead = None
            for part in self._parts(step):
                number = part * self.world.size + self.world.rank
                coming = maker.submit(self.make, number, progress(part // self.accumulate))
                if ahead is not None:
                    yield ahead.result()
                ahead = coming

    def _parts(self, step: int) -> Iterator[int]:
        part = step * self.accumulate
        while True:
            yield part
            part += 1
