"""The fit of a small MLP on embeddings: one hidden layer, AdamW, stopped early. Knows tensors and a deadline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch

from penna.budget import Deadline
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind

#: From margins (n, columns) and y (n,) to each row's loss (n,).
Each: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_BATCH, _EPOCHS, _PATIENCE = 128, 40, 4


@dataclass(frozen=True)
class Shape:
    """Width and dropout of the hidden layer."""

    hidden: int = 256
    dropout: float = 0.2


def fit(
    vectors: Array,
    y: Array,
    columns: int,
    shape: Shape,
    weights: Array | None,
    deadline: Deadline,
    seed: int,
    output_kind: OutputKind = OutputKind.CLASS_PROBABILITIES,
) -> dict[str, Array]:
    """Return the four arrays of the MLP with the smallest loss on a tenth of the rows, which it does not learn from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = torch.nn.Sequential(
            torch.nn.Linear(vectors.shape[1], shape.hidden),
            torch.nn.ReLU(),
            torch.nn.Dropout(shape.dropout),
            torch.nn.Linear(shape.hidden, columns),
        )
        data = (torch.from_numpy(vectors), torch.from_numpy(y), _weights(weights, len(y)))
        order = torch.randperm(len(y))
        held, used = order[: len(y) // 10], order[len(y) // 10 :]
        state = _train(network, data, used, held if len(held) else used, deadline, _EACH[output_kind])
    names = ("first", "first_bias", "second", "second_bias")
    return {name: value.numpy() for name, value in zip(names, state.values(), strict=True)}


def _weights(weights: Array | None, rows: int) -> torch.Tensor:
    return torch.ones(rows) if weights is None else torch.from_numpy(weights).float()


def _train(
    network: torch.nn.Module,
    data: tuple[torch.Tensor, ...],
    used: torch.Tensor,
    held: torch.Tensor,
    deadline: Deadline,
    each: Each,
) -> dict[str, torch.Tensor]:
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    best, since = float("inf"), 0
    state: dict[str, torch.Tensor] = network.state_dict()
    for _ in range(_EPOCHS):
        network.train()
        for batch in used[torch.randperm(len(used))].split(_BATCH):
            optimiser.zero_grad()
            _loss(network, data, batch, each).backward()
            optimiser.step()
        network.eval()
        with torch.no_grad():
            reached = float(_loss(network, data, held, each))
        since += 1
        if reached < best:
            best, since = reached, 0
            state = {name: value.clone() for name, value in network.state_dict().items()}
        if since >= _PATIENCE or deadline.over():
            break
    return state


def _loss(network: torch.nn.Module, data: tuple[torch.Tensor, ...], rows: torch.Tensor, each: Each) -> torch.Tensor:
    vectors, y, weights = (part[rows] for part in data)
    return (each(network(vectors), y) * weights).mean()


def _cross_entropy(margins: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(margins, y, reduction="none")


def _squared(margins: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.square(margins[:, 0] - y)


def _binary(margins: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    each: torch.Tensor = torch.nn.functional.binary_cross_entropy_with_logits(margins, y, reduction="none")
    return each.mean(dim=1)


_EACH: dict[OutputKind, Each] = {
    OutputKind.CLASS_PROBABILITIES: _cross_entropy,
    OutputKind.NUMBERS: _squared,
    OutputKind.LABEL_PROBABILITIES: _binary,
}
