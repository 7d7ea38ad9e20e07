"""An encoder with a head, and three savings in training: plain attention, a compact vocabulary, a fitted head.

Knows tensors; never a table.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from penna.data.output_kind import OutputKind
from penna.heads import pair_vectors
from penna.solvers.logistic import Logistic, fit_logistic
from penna.solvers.ridge import fit_ridge
from penna.training import loop, precision

Index = np.ndarray[Any, np.dtype[np.int64]]

_ATTENTION_DROPOUT = re.compile(r"attention\.(self\.dropout|attention_dropout|dropout)$")


class Network(nn.Module):  # type: ignore[misc]
    """Takes token ids, mask and types (for pairs), and returns (rows, columns) logits.

    ``pooling`` is one of ``embeddings.POOLINGS``.
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, columns)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def pooled(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return (rows, width) vectors, pooled over the tokens of each row."""
        typed = {} if token_type_ids is None else {"token_type_ids": token_type_ids}  # some encoders have no types
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **typed).last_hidden_state
        if self.pooling == "cls":
            first: torch.Tensor = hidden[:, 0]
            return first
        if self.pooling == "last":
            last: torch.Tensor = hidden[torch.arange(len(hidden), device=hidden.device), attention_mask.sum(1) - 1]
            return last
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        if self.pooling == "max":
            largest: torch.Tensor = hidden.masked_fill(mask == 0, torch.finfo(hidden.dtype).min).amax(1)
            return largest
        count = mask.sum(1)
        mean: torch.Tensor = (hidden * mask).sum(1) / (count.sqrt() if self.pooling == "sqrt" else count)
        return mean

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Run the network on a batch."""
        logits: torch.Tensor = self.head(self.dropout(self.pooled(input_ids, attention_mask, token_type_ids)))
        return logits


class PairNetwork(Network):
    """A bi-encoder: takes ids and masks of both texts and the features that they share; returns (rows, columns) logits.

    The head sees the combination of ``heads.pair_vectors``.
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__(encoder, pair_vectors.width(width), columns, pooling, dropout)

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        second_ids: torch.Tensor,
        second_mask: torch.Tensor,
        shared: torch.Tensor,
    ) -> torch.Tensor:
        """Run the network on a batch."""
        return self.between(self.pooled(input_ids, attention_mask), self.pooled(second_ids, second_mask), shared)

    def between(self, first: torch.Tensor, second: torch.Tensor, shared: torch.Tensor) -> torch.Tensor:
        """Return logits of pairs from the (rows, width) vectors of both texts."""
        u, v = (nn.functional.normalize(side.float(), dim=1) for side in (first, second))
        product = u * v
        cosine = pair_vectors.COSINE * product.sum(1, keepdim=True)
        combined = torch.cat([u, v, (u - v).abs(), u.shape[1] ** 0.5 * product, cosine, shared], dim=1)
        logits: torch.Tensor = self.head(self.dropout(combined))
        return logits


class CrossNetwork(PairNetwork):
    """A cross-encoder: takes ids and mask of both texts in one row, and returns (rows, columns) logits.

    ``sides`` (rows, tokens) is 1 for tokens of the second text. ``pooling`` is always "sides".
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__(encoder, width, columns, "sides", dropout)

    def forward(self, shared: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Run the network on a batch."""
        first, second = self.apart(**inputs).unbind(1)
        return self.between(first, second, shared)

    def apart(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        sides: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return (rows, 2, width), the mean over the tokens of each text."""
        typed = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **typed).last_hidden_state
        second = attention_mask * sides
        weights = torch.stack([attention_mask - second, second], dim=1).to(hidden.dtype)
        means: torch.Tensor = weights @ hidden / weights.sum(2, keepdim=True).clamp(min=1)
        return means


class Pooled(nn.Module):  # type: ignore[misc]
    """A network without its head: takes ids and mask, and returns (rows, width) vectors."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch."""
        return self.network.pooled(**inputs)


class Sided(nn.Module):  # type: ignore[misc]
    """A cross-encoder without its head: returns (rows, 2 · width), the vectors of both texts side by side."""

    def __init__(self, network: CrossNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch."""
        return self.network.apart(**inputs).flatten(1)


class Twins(nn.Module):  # type: ignore[misc]
    """A network without a head on 2n texts: returns (n, 2 · width), the first n texts next to the others."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch."""
        joined: torch.Tensor = torch.cat(self.network(**inputs).chunk(2), dim=1)
        return joined


def quicken(encoder: Any, device: torch.device) -> None:
    """Switch off what costs more than it gives when training on a CPU.

    Dropout inside attention draws a random number for each pair of tokens. The backward pass of fused attention in
    bfloat16 takes three times as long as that of the plain one (torch 2.13). Each costs a quarter of a step.
    """
    if device.type != "cpu":
        return
    for name, module in encoder.named_modules():
        if _ATTENTION_DROPOUT.search(name):
            module.p = 0.0
    encoder.set_attn_implementation("eager")


@contextmanager
def compact(network: Network, used: Index) -> Iterator[Index]:
    """Reduce the embedding matrix to the rows ``used`` within the block; yield the lookup old id -> new id.

    Rows that occur in no text have no gradient and do not decay, so the result is the same, and optimizer steps are
    faster. After the block, the matrix has all rows again.
    """
    encoder: Any = network.encoder
    whole: nn.Embedding = encoder.get_input_embeddings()
    padding = whole.padding_idx
    # Ids up to the padding id do not change: some encoders count positions from it.
    rows = np.union1d(used, np.arange(1 + (padding or 0)))
    lookup = np.zeros(whole.num_embeddings, dtype=np.int64)
    lookup[rows] = np.arange(len(rows))
    at = torch.from_numpy(rows).to(whole.weight.device)
    small = nn.Embedding(len(rows), whole.embedding_dim, padding_idx=padding, device=whole.weight.device)
    small.weight.data.copy_(whole.weight.data[at])
    small.weight.requires_grad_(whole.weight.requires_grad)
    encoder.set_input_embeddings(small)
    try:
        yield lookup
    finally:
        whole.weight.data[at] = small.weight.data
        encoder.set_input_embeddings(whole)


def start_head(
    network: Network,
    rows: loop.Rows,
    dtype: precision.Dtype,
    threads: int,
    output_kind: OutputKind = OutputKind.CLASS_PROBABILITIES,
    most: int = 20_000,
) -> None:
    """Initialize the head with a logistic (for numbers: ridge) regression on the untrained encoder's output.

    A random head first drags a good encoder the wrong way (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained
    Features").
    """
    index = np.arange(len(rows))
    if len(index) > most:
        index = np.sort(np.random.default_rng(0).choice(index, most, replace=False))
    head, network.head = network.head, nn.Identity()
    try:
        features = loop.outputs(network, rows.lengths[index], _at(rows.inputs, index), 64, dtype).numpy()
    finally:
        network.head = head
    mean, scale = features.mean(0), features.std(0) + 1e-6
    fitted = _STARTS[output_kind]((features - mean) / scale, rows.y[index], head.out_features, threads)
    coef, bias = fitted.coef / scale, fitted.intercept - (fitted.coef / scale) @ mean
    if len(coef) < head.out_features:  # one row of coefficients for two classes
        coef, bias = np.concatenate([-coef, coef]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(coef))
        head.bias.copy_(torch.from_numpy(bias))


def _logistic(features: Any, y: Any, columns: int, threads: int) -> Logistic:
    # As strong as C = 12 for vectors of length one: the head must leave the encoder something to learn.
    return fit_logistic(features, y, columns, c=12 / features.shape[1], threads=threads)


def _ridge(features: Any, y: Any, columns: int, threads: int) -> Logistic:
    return fit_ridge(features, y, alpha=float(features.shape[1]), threads=threads)


_STARTS = {
    OutputKind.CLASS_PROBABILITIES: _logistic,
    OutputKind.NUMBERS: _ridge,
    OutputKind.LABEL_PROBABILITIES: _logistic,
}


def _at(inputs: Callable[[Index], loop.Inputs], index: Index) -> Callable[[Index], loop.Inputs]:
    return lambda part: inputs(index[part])
