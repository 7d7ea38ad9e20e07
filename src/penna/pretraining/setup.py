"""What a training needs, made or found: open settings, vocabulary, network, objectives. Trains nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch

from penna import plugins
from penna.encoders import checkpoints
from penna.encoders import config as configs
from penna.encoders.checkpoints import Checkpoint
from penna.errors import EncoderError, SettingError
from penna.pretraining import architecture, network, teacher_init, vocabulary
from penna.pretraining.architecture import Shape
from penna.pretraining.objectives.base import Pairing, Terms
from penna.pretraining.settings import OBJECTIVES, Settings, ngrams
from penna.pretraining.source import Goal
from penna.pretraining.vocabulary import Vocabulary
from penna.training import precision

_BATCH_TOKENS = {"cpu": 8192, "cuda": 32_768}
_VOCABULARY = 16_384
_CONTINUED_LR = 1e-4
_LARGE = 768  # from this width on, the published vocabulary


def resolved(settings: Settings, device: torch.device) -> Settings:
    """Return the same settings with what depends on the machine or on other settings filled in."""
    filled = settings
    if filled.from_ is None:
        filled = replace(filled, arch=filled.arch or "albert", size=filled.size or "mini")
    if filled.batch_tokens is None:
        filled = replace(filled, batch_tokens=max(_BATCH_TOKENS[device.type], filled.max_seq_length))
    if filled.dtype is None:
        filled = replace(filled, dtype=precision.fastest_dtype())
    if filled.batch_tokens is not None and filled.batch_tokens < filled.max_seq_length:
        raise SettingError(
            f"--batch-tokens {filled.batch_tokens} is less than --max-seq-length {filled.max_seq_length}: give more."
        )
    return filled


def rate(settings: Settings, shape: Shape) -> float:
    """Return the peak learning rate: as requested, else lower for wider encoders, and lower still to go on from a
    checkpoint.

    >>> rate(Settings(), architecture.shape("albert", "mini"))
    0.001
    """
    if settings.lr is not None:
        return settings.lr
    return _CONTINUED_LR if settings.from_ else min(1e-3, 0.4 / shape.hidden)


def shape(settings: Settings, checkpoint: Checkpoint | None) -> Shape:
    """Return the encoder's measures; its vocabulary is settled later. Raises SettingError or EncoderError."""
    requested = {measure: getattr(settings, name) for measure, name in architecture.MEASURES.items()}
    if checkpoint is None:
        made = architecture.shape(str(settings.arch), str(settings.size), settings.layer_sharing, **requested)
        return replace(made, positions=settings.max_position_embeddings or settings.max_seq_length)
    have = architecture.of_config(checkpoint.name, configs.read(checkpoint.name, checkpoint.folder))
    have = architecture.agree(checkpoint.name, have, settings.arch, settings.size, settings.layer_sharing, **requested)
    if max(settings.max_seq_length, settings.max_position_embeddings or 0) > have.positions:
        raise EncoderError(
            f"encoder {checkpoint.name!r} reads {have.positions} tokens at most: give no more as --max-seq-length."
        )
    return have


class Learner(Protocol):
    """Makes a vocabulary from the corpus, where one is needed."""

    def train(self, kind: vocabulary.Kind, size: int) -> Vocabulary: ...

    def prune(self, given: Vocabulary, size: int) -> Vocabulary: ...


def words(settings: Settings, shape: Shape, checkpoint: Checkpoint | None, kept: Path, learner: Learner) -> Vocabulary:
    """Return the vocabulary: the checkpoint's, the one of an earlier start (``kept``), the one given, or a new one.

    Raises EncoderError where a tokenizer does not belong to the checkpoint.
    """
    if checkpoint is not None:
        return _own(settings, checkpoint)
    if kept.is_dir():
        return vocabulary.load(kept)
    if settings.tokenizer is not None:
        named = settings.tokenizer
        given = vocabulary.load(named if Path(named).is_dir() else checkpoints.find(named).folder)
        return given if settings.vocab_size in (None, given.size) else learner.prune(given, settings.vocab_size)
    usual = shape.vocab if shape.hidden >= _LARGE else _VOCABULARY
    return learner.train("unigram" if shape.kind == "albert" else "wordpiece", settings.vocab_size or usual)


def _own(settings: Settings, checkpoint: Checkpoint) -> Vocabulary:
    checkpoints.load_tokenizer(checkpoint)  # refuses a tokenizer that knows more than the weights
    own = vocabulary.load(checkpoint.folder)
    if settings.tokenizer is None:
        return own
    other = vocabulary.load(settings.tokenizer)
    if own.tokenizer.get_vocab() != other.tokenizer.get_vocab():
        raise EncoderError(
            f"the tokenizer {settings.tokenizer!r} does not belong to the encoder {checkpoint.name!r}: leave "
            "--tokenizer out to keep its own."
        )
    return other


def encoder(
    settings: Settings, shape: Shape, words: Vocabulary, checkpoint: Checkpoint | None
) -> tuple[network.Network, list[str]]:
    """Return the network, and the names of heads that a checkpoint lacks."""
    how = attention(settings)
    if checkpoint is not None:
        return network.load(checkpoint, shape, dropout=settings.dropout, attention=how)
    made = network.build(shape, words.pad, seed=settings.seed, dropout=settings.dropout, attention=how)
    if settings.init_from_teacher and settings.teacher:
        teacher_init.borrow(made, checkpoints.find(settings.teacher), words, settings.init_from_teacher)
    return made, []


def attention(settings: Settings) -> str:
    """Return the library's attention to train with: "sdpa" (fused) or "eager" (plain products)."""
    if settings.attention != "auto":
        return settings.attention
    # On a processor the backward pass of torch's fused kernel gains nothing from bf16.
    return "eager" if settings.dtype == "bfloat16" and not torch.cuda.is_available() else "sdpa"


def goals(settings: Settings, shape: Shape, words: Vocabulary, device: torch.device) -> list[Goal]:
    """Return the objectives, with their weights. Raises what they raise."""
    terms = Terms(
        vocabulary=words,
        width=shape.hidden,
        length=settings.max_seq_length,
        seed=settings.seed,
        ngrams=ngrams(shape.kind),
        rate=settings.rate,
        teacher=settings.teacher,
        parts=settings.distil,
        dtype=str(settings.dtype),
        device=str(device),
    )
    made = []
    for name, weight in settings.weights.items():
        objective = plugins.find(OBJECTIVES, name).make(terms)
        objective.module.to(device)
        made.append(Goal(name, weight, objective))
    return made


def pairing(goals: list[Goal]) -> Pairing:
    """How segments must be paired for these goals. Raises SettingError where they disagree."""
    ways = {way for goal in goals if (way := goal.objective.pairing) is not None}
    if len(ways) > 1:
        names = " and ".join(goal.name for goal in goals if goal.objective.pairing)
        raise SettingError(f"{names} pair segments in different ways: take one of them.")
    return ways.pop() if ways else "none"


def nothing_to_order(way: str, single: float) -> str:
    """Return what to say of documents that are one sentence long, a share ``single`` of all.

    Raises SettingError if all are.

    >>> nothing_to_order("order", 0.25)
    '25.0 % of the documents have one sentence and so nothing to order: sop leaves them out.'
    """
    name = {"order": "sop", "next": "nsp"}[way]
    if single >= 1:
        raise SettingError(
            f"every document of the corpus has one sentence, so {name} has nothing to order: leave it out, or keep the "
            "sentences of a text together in one document."
        )
    message = (
        f"{100 * single:.1f} % of the documents have one sentence and so nothing to order: {name} leaves them out."
    )
    return message if single else ""
