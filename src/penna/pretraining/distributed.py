"""Several processes that train together, as torchrun starts them: gloo on processors, NCCL on GPUs. Knows tensors."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from penna import environment

_PATIENCE = timedelta(hours=24)  # the others wait while the first cuts a large corpus into tokens


@dataclass(frozen=True)
class World:
    """Which of how many processes this is; alone by default."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes."""
        return self.rank == 0


@contextmanager
def joined() -> Iterator[World]:
    """Yield the world that torchrun's environment describes, left again at the end."""
    size = environment.number("WORLD_SIZE", 1)
    if size == 1 or environment.variable("RANK") is None:  # not of torchrun
        yield World()
        return
    world = World(environment.number("RANK", 0), size, environment.number("LOCAL_RANK", 0))
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(world.local)
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield world
    finally:
        dist.destroy_process_group()


def wait(world: World) -> None:
    """Until all are here."""
    if world.size > 1:
        agree(world, [0.0])


@contextmanager
def turns(world: World) -> Iterator[None]:
    """Yield the first process goes through the body alone, then the others at once, who find what it left on disk."""
    if not world.first:
        wait(world)
    yield
    if world.first:
        wait(world)


def agree(world: World, values: Sequence[float]) -> list[float]:
    """Return the first process's values, in all of them: clocks differ, and weights must not."""
    if world.size == 1:
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.broadcast(tensor, 0)
    out: list[float] = tensor.tolist()
    return out


def average(world: World, parameters: Iterable[torch.nn.Parameter]) -> None:
    """Every gradient becomes its mean over the processes.

    By hand and in one piece, since layers are shared and exits are drawn: which parameters have a gradient differs from
    step to step, but never between processes.
    """
    if world.size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= world.size
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def added(world: World, values: torch.Tensor) -> torch.Tensor:
    """Return the sum over the processes."""
    if world.size > 1:
        dist.all_reduce(values)
    return values
