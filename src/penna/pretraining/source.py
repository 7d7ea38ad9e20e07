"""Batches as tensors, one ahead of the training: segments, and the arrays that the objectives prepare."""

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
    """A source that gives the same batch for the same number, in any process."""

    def batch(self, number: int) -> Batch:
        """Return the batch of this number."""
        ...


@dataclass(frozen=True)
class Goal:
    """An objective with its name and weight."""

    name: str
    weight: float
    objective: Objective


@dataclass(frozen=True)
class Made:
    """One batch as tensors, the rows of each view, and the number of tokens without padding."""

    inputs: Mapping[str, torch.Tensor]
    views: Mapping[str, slice]
    number: int
    tokens: int

    def to(self, device: torch.device) -> "Made":
        """Return the batch on this device."""
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in self.inputs.items()}
        return Made(moved, self.views, self.number, self.tokens)


@dataclass(frozen=True)
class Source:
    """The batches of a training. Step t, part p and rank r read batch ``(t * accumulate + p) * world + r``.

    So one process that accumulates two batches trains on the same batches as two processes.
    """

    segments: Numbered
    goals: Sequence[Goal]
    accumulate: int = 1
    world: World = World()  # noqa: RUF009  (frozen)
    clean: float = 0.5
    pinned: bool = False  # in page-locked memory, which a GPU reads directly

    def make(self, number: int, progress: float) -> Made:
        """Return the batch of this number; ``progress`` is the share of the training done."""
        batch = self.segments.batch(number)
        views = rows(len(batch.ids), {goal.objective.view for goal in self.goals}, self.clean)
        arrays: dict[str, Array] = {"ids": batch.ids, "types": batch.types}
        if int(batch.lengths.min()) < batch.ids.shape[1]:  # without padding no mask is needed
            arrays["mask"] = batch.mask
        for goal in self.goals:
            arrays |= goal.objective.prepare(batch, views[goal.objective.view], number, progress)
        return Made({k: self._tensor(v) for k, v in arrays.items()}, views, number, int(batch.lengths.sum()))

    def _tensor(self, array: Array) -> torch.Tensor:
        tensor = torch.from_numpy(array if array.dtype == np.bool_ else array.astype(np.int64))
        return tensor.pin_memory() if self.pinned else tensor

    def stream(self, step: int, progress: Callable[[int], float]) -> Generator[Made]:
        """Yield batches from this step on; each is prepared while the one before it is trained on."""
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
