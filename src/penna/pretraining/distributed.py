"""Training in several processes that torchrun starts: gloo on CPUs, NCCL on GPUs. Knows tensors."""

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
    """The rank of this process and the number of processes; alone by default."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process prints and writes files."""
        return self.rank == 0


@contextmanager
def joined() -> Iterator[World]:
    """Join the process group that torchrun's environment describes, and leave it at the end."""
    size = environment.number("WORLD_SIZE", 1)
    if size == 1 or environment.variable("RANK") is None:  # not started by torchrun
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
    """Wait until all processes have arrived."""
    if world.size > 1:
        agree(world, [0.0])


@contextmanager
def turns(world: World) -> Iterator[None]:
    """Run the body in the first process alone, then in all others, which find its files on disk."""
    if not world.first:
        wait(world)
    yield
    if world.first:
        wait(world)


def agree(world: World, values: Sequence[float]) -> list[float]:
    """Return the first process's values in all processes: clocks differ, and weights must not."""
    if world.size == 1:
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.broadcast(tensor, 0)
    out: list[float] = tensor.tolist()
    return out


def average(world: World, parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes.

    All gradients are reduced as one tensor, without DistributedDataParallel: layers are shared and exits are drawn, so
    the parameters with a gradient differ from step to step, but never between processes.
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
