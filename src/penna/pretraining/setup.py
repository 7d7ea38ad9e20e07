"""The parts of a training: complete settings, vocabulary, network and objectives. Trains no encoder."""

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
_LARGE = 768  # from this width on, the published size of the vocabulary


def resolved(settings: Settings, device: torch.device) -> Settings:
    """Return the settings with all values that depend on the machine or on other settings."""
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
    """Return the peak learning rate: the setting, else by width, and lower if training continues from a checkpoint.

    >>> rate(Settings(), architecture.shape("albert", "mini"))
    0.001
    """
    if settings.lr is not None:
        return settings.lr
    return _CONTINUED_LR if settings.from_ else min(1e-3, 0.4 / shape.hidden)


def shape(settings: Settings, checkpoint: Checkpoint | None) -> Shape:
    """Return the encoder's shape; the vocabulary size is set later. Raise SettingError or EncoderError."""
    requested = {measure: getattr(settings, name) for measure, name in architecture.MEASURES.items()}
    if checkpoint is None:
        new = architecture.shape(str(settings.arch), str(settings.size), settings.layer_sharing, **requested)
        return replace(new, positions=settings.max_position_embeddings or settings.max_seq_length)
    have = architecture.of_config(checkpoint.name, configs.read(checkpoint.name, checkpoint.folder))
    have = architecture.agree(checkpoint.name, have, settings.arch, settings.size, settings.layer_sharing, **requested)
    if max(settings.max_seq_length, settings.max_position_embeddings or 0) > have.positions:
        raise EncoderError(
            f"encoder {checkpoint.name!r} reads {have.positions} tokens at most: give no more as --max-seq-length."
        )
    return have


class Learner(Protocol):
    """Makes a vocabulary from the corpus if one is needed."""

    def train(self, kind: vocabulary.Kind, size: int) -> Vocabulary:
        """Return a new vocabulary of ``size`` tokens."""
        ...

    def prune(self, vocabulary: Vocabulary, size: int) -> Vocabulary:
        """Return the ``size`` tokens of a vocabulary that the corpus uses most."""
        ...


def words(
    settings: Settings, shape: Shape, checkpoint: Checkpoint | None, trained_folder: Path, learner: Learner
) -> Vocabulary:
    """Return the vocabulary: of the checkpoint, of an earlier start (``trained_folder``), of --tokenizer, or a new one.

    Raises EncoderError if a tokenizer does not belong to the checkpoint.
    """
    if checkpoint is not None:
        return _own(settings, checkpoint)
    if trained_folder.is_dir():
        return vocabulary.load(trained_folder)
    if settings.tokenizer is not None:
        named = settings.tokenizer
        loaded = vocabulary.load(named if Path(named).is_dir() else checkpoints.find(named).folder)
        return loaded if settings.vocab_size in (None, loaded.size) else learner.prune(loaded, settings.vocab_size)
    usual = shape.vocab if shape.hidden >= _LARGE else _VOCABULARY
    return learner.train("unigram" if shape.kind == "albert" else "wordpiece", settings.vocab_size or usual)


def _own(settings: Settings, checkpoint: Checkpoint) -> Vocabulary:
    checkpoints.load_tokenizer(checkpoint)  # refuses a tokenizer with more tokens than the weights have
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
    """Return the network, and the names of heads that the checkpoint lacks."""
    how = attention(settings)
    if checkpoint is not None:
        return network.load(checkpoint, shape, dropout=settings.dropout, attention=how)
    new = network.build(shape, words.pad, seed=settings.seed, dropout=settings.dropout, attention=how)
    if settings.init_from_teacher and settings.teacher:
        teacher_init.borrow(new, checkpoints.find(settings.teacher), words, settings.init_from_teacher)
    return new, []


def attention(settings: Settings) -> str:
    """Return the attention kernel for training: "sdpa" (fused) or "eager" (plain products)."""
    if settings.attention != "auto":
        return settings.attention
    # On a CPU the backward pass of torch's fused kernel gains nothing from bf16.
    return "eager" if settings.dtype == "bfloat16" and not torch.cuda.is_available() else "sdpa"


def goals(settings: Settings, shape: Shape, words: Vocabulary, device: torch.device) -> list[Goal]:
    """Return the objectives with their weights. Raise what they raise."""
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
    result = []
    for name, weight in settings.weights.items():
        objective = plugins.find(OBJECTIVES, name).make(terms)
        objective.module.to(device)
        result.append(Goal(name, weight, objective))
    return result


def pairing(goals: list[Goal]) -> Pairing:
    """Return how segments must be paired for these goals. Raise SettingError if the goals disagree."""
    ways = {way for goal in goals if (way := goal.objective.pairing) is not None}
    if len(ways) > 1:
        names = " and ".join(goal.name for goal in goals if goal.objective.pairing)
        raise SettingError(f"{names} pair segments in different ways: choose one of them.")
    return ways.pop() if ways else "none"


def nothing_to_order(way: str, single: float) -> str:
    """Return a message about documents of one sentence, a share ``single`` of all; "" if there are none.

    Raises SettingError if all documents have one sentence.

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
