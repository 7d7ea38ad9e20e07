"""From a recipe and a table of pairs to what the training loop takes: vocabularies, rows, network and plan.

Torch stays in functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import checkpoints, subword_tokenizer, tokens
from penna.encoders.checkpoints import Checkpoint
from penna.encoders.tokens import Ragged
from penna.errors import EncoderError
from penna.models.seq2seq.recipes import settings, steps
from penna.onnx_graphs.translator_config import Facts
from penna.preprocessing import parallel_pairs
from penna.search.recipe import Recipe

if TYPE_CHECKING:
    import tokenizers

    from penna.networks.encoder_decoder import Network
    from penna.training import loop

#: The share of rows that is trained on whole; longer ones are left out, since half an answer teaches nothing good.
_WHOLE = 0.998


_MOST_VOCABULARIES = 6
_vocabularies: dict[tuple[str, str, int], tokenizers.Tokenizer] = {}


@dataclass(frozen=True)
class Words:
    """The two vocabularies; ``target`` is None where one serves both sides. ``checkpoint`` is what reads the source."""

    source: tokenizers.Tokenizer
    target: tokenizers.Tokenizer | None
    checkpoint: Checkpoint | None

    @property
    def says(self) -> tokenizers.Tokenizer:
        """The tokenizer of the target."""
        return self.source if self.target is None else self.target

    @property
    def pad(self) -> int:
        """The padding id of the source."""
        return subword_tokenizer.PAD if self.checkpoint is None else self.checkpoint.pad


@dataclass(frozen=True)
class Pairs:
    """Both sides as ids, row by row, and how long a row may be on each.

    The share of rows that were ``longer``, and the most tokens of a source; ``weight`` (n,) of the rows, or None.
    """

    source: Ragged
    target: Ragged
    longest: tuple[int, int]
    longer: float
    most: int
    weight: Array | None = None

    @property
    def lengths(self) -> Array:
        """(n,) tokens of both sides."""
        return self.source.lengths + self.target.lengths


class TargetPieces:
    """The target tokens of rows, as the loop takes them for ``y``."""

    def __init__(self, target: Ragged) -> None:
        self.target = target

    def __getitem__(self, index: Array) -> Array:
        return self.target.take(index).values.astype(np.int64)


class Spread:
    """The weights of target tokens, for the loop's ``shares``; their mean is 1."""

    def __init__(self, target: Ragged, weight: Array) -> None:
        mean = np.average(weight, weights=np.maximum(target.lengths, 1))
        self.lengths, self.weight = target.lengths, (weight / max(float(mean), 1e-12)).astype(np.float32)

    def __getitem__(self, index: Array) -> Array:
        return np.repeat(self.weight[index], self.lengths[index])


def words_of(chosen: dict[str, Any], train: Table) -> Words:
    """Vocabularies trained on these rows; with a checkpoint its tokenizer reads."""
    size = int(chosen["pieces"])
    if chosen["encoder"]:
        checkpoint = checkpoints.find(chosen["encoder"])
        return Words(checkpoints.load_tokenizer(checkpoint), _learnt(train, "target", size), checkpoint)
    if chosen["vocabulary"] == "joint":
        return Words(_learnt(train, "both", size), None, None)
    return Words(_learnt(train, "source", size), _learnt(train, "target", size), None)


def _learnt(train: Table, which: str, size: int) -> tokenizers.Tokenizer:
    """Return a vocabulary of one side or of both; trials that share rows and size share it."""
    key = (train.fingerprint, which, size)
    if key not in _vocabularies:
        while len(_vocabularies) >= _MOST_VOCABULARIES:
            del _vocabularies[next(iter(_vocabularies))]
        source, target = parallel_pairs.sides(train)
        _vocabularies[key] = subword_tokenizer.learn(
            {"source": source, "target": target}.get(which) or [*source, *target], size
        )
    return _vocabularies[key]


def pairs_of(chosen: dict[str, Any], words: Words, train: Table) -> Pairs:
    """Return the rows that are short enough to be trained on whole. Raises EncoderError where there are none."""
    texts, targets = parallel_pairs.sides(train)
    source, target = subword_tokenizer.encode(words.source, texts), subword_tokenizer.encode(words.says, targets)
    cap = int(chosen["length"])
    if words.checkpoint is not None:
        cap = min(cap, words.checkpoint.max_length)
    ahead, _ = tokens.length_for(source.whole, cap, _WHOLE)
    behind, _ = tokens.length_for(target.whole, 2 * cap, _WHOLE)
    kept = np.flatnonzero((source.lengths <= ahead) & (target.lengths <= behind))
    if not len(kept):
        raise EncoderError(
            f"no row is short enough to be trained on whole (at most {cap:,} tokens of the source and {2 * cap:,} of "
            "the target): give sentences, or paragraphs."
        )
    weight = None if train.sample_weight is None else train.sample_weight[kept]
    longer, most = 1 - len(kept) / max(len(train), 1), int(source.lengths.max(initial=1))
    return Pairs(replace(source.take(kept), pad=words.pad), target.take(kept), (ahead, behind), longer, most, weight)


def build(chosen: dict[str, Any], words: Words, longest: tuple[int, int], seed: int) -> Network:
    """Return the network of a recipe, where it will be trained."""
    from penna.networks import encoder_decoder
    from penna.training import precision

    shape = encoder_decoder.Shape(
        width=chosen["width"] if words.checkpoint is None else words.checkpoint.width,
        encoder_layers=chosen["layers"],
        decoder_layers=chosen["decoder_layers"],
        share_encoder=chosen["sharing"] in ("all", "encoder"),
        share_decoder=chosen["sharing"] in ("all", "decoder"),
        tied=bool(chosen["tied"]),
        joint=words.target is None,
        source=words.source.get_vocab_size(),
        target=words.says.get_vocab_size(),
        source_length=longest[0],
        target_length=longest[1],
    )
    network = encoder_decoder.build(shape, words.checkpoint, chosen["dropout"], seed)
    encoder_decoder.place(network, precision.device())
    return network


def facts(chosen: dict[str, Any], words: Words, network: Network, pairs: Pairs, train: Table) -> Facts:
    """Return what serving must know."""
    config: Any = network.model.decoder.config
    spaced = np.mean([" " in text.strip() for text in parallel_pairs.sides(train)[1]])
    return Facts(
        length=pairs.longest[0],
        target_length=pairs.longest[1],
        depth=config.num_hidden_layers,
        heads=config.num_attention_heads,
        size=config.hidden_size // config.num_attention_heads,
        pad=words.pad,
        beams=int(chosen["beams"]),
        penalty=float(chosen["penalty"]),
        space=" " if spaced > 0.5 else "",
        long=pairs.longer,
        parts=-(-pairs.most // pairs.longest[0]),
    )


def rows_of(pairs: Pairs) -> loop.Rows:
    """Rows whose logits are (tokens to be generated, vocabulary), those of a batch one after the other."""
    import torch

    from penna.training import loop

    def inputs(index: Array) -> loop.Inputs:
        ids, mask = tokens.padded(pairs.source, index, even=True)
        target_ids, real = tokens.padded(pairs.target, index, even=True)
        before = np.concatenate([np.full((len(target_ids), 1), subword_tokenizer.BEGIN), target_ids[:, :-1]], axis=1)
        arrays = {"input_ids": ids, "attention_mask": mask, "before": before, "real": real.astype(bool)}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    shares = None if pairs.weight is None else Spread(pairs.target, pairs.weight)
    return loop.Rows(pairs.lengths, inputs, TargetPieces(pairs.target), shares=shares)  # type: ignore[arg-type]


def plan(recipe: Recipe, pairs: Pairs, dtype: Any) -> loop.Plan:
    """Return how the recipe is trained on these pairs."""
    from penna.training import loop, optimizer

    chosen = settings(recipe)
    return loop.Plan(
        steps=steps(recipe, int(pairs.lengths.sum())),
        rates=optimizer.Rates(
            body=chosen["lr"] * chosen["encoder_lr"],
            head=1 / chosen["encoder_lr"],
            weight_decay=0.01,
            memory=0.98,  # as for other transformers that begin anew (Vaswani et al. 2017, 5.3)
        ),
        warmup=chosen["warmup"],
        shape=chosen["schedule"],
        smoothing=chosen["smoothing"],
        checks=8,
        patience=4,
        seed=recipe.seed,
        dtype=dtype,
        tokens=int(chosen["tokens"]),
        average=int(chosen["average"]),
    )
