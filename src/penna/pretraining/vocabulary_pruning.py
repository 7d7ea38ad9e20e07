"""Pruning of a vocabulary to the tokens that a corpus uses most. Knows tokenizers; never weights."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array
from penna.errors import EncoderError, SettingError
from penna.pretraining import vocabulary as vocabularies
from penna.pretraining.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tokenizers

_ONCE = 512  # texts that are tokenized at once


def prune(vocabulary: Vocabulary, texts: Iterable[str], size: int) -> Vocabulary:
    """Return the ``size`` tokens that ``texts`` use most, with all special tokens and single ASCII characters.

    A dropped token becomes several tokens; no known text becomes unknown. Tokens keep their order, not their ids.
    Raises SettingError if the size is out of range, EncoderError if the tokenizer cannot be pruned.
    """
    model = json.loads(vocabulary.tokenizer.to_str())["model"]
    if model.get("type") not in ("WordPiece", "Unigram"):
        raise EncoderError(f"a tokenizer of type {model.get('type')} cannot be pruned: leave --vocab-size out.")
    needed = _needed(vocabulary, str(model.get("continuing_subword_prefix") or ""))
    if not needed.sum() < size <= vocabulary.size:
        raise SettingError(
            f"--vocab-size {size} cannot be kept of this tokenizer: give {int(needed.sum()) + 1:,} to "
            f"{vocabulary.size:,}."
        )
    counts = _counted(vocabulary.tokenizer, texts, vocabulary.size)
    counts[needed] = np.iinfo(np.int64).max
    chosen = np.sort(np.argsort(-counts, kind="stable")[:size])
    return vocabularies.of(_cut(vocabulary.tokenizer, chosen), "the pruned tokenizer")


def _needed(vocabulary: Vocabulary, prefix: str) -> Array:
    """Return (size,) bool: tokens without which common text would become unknown."""
    out: Array = vocabulary.special.copy()
    for token, number in vocabulary.tokenizer.get_vocab(with_added_tokens=True).items():
        out[number] |= (len(char := token.removeprefix(prefix)) <= 1 and char.isascii()) or token == "▁"
    return out


def _counted(tokenizer: "tokenizers.Tokenizer", texts: Iterable[str], size: int) -> Array:
    counts = np.zeros(size, np.int64)
    waiting: list[str] = []

    def count() -> None:
        cut = tokenizer.encode_batch_fast(waiting, add_special_tokens=False)
        np.add.at(counts, np.fromiter((number for e in cut for number in e.ids), np.int64), 1)
        waiting.clear()

    for text in texts:
        waiting.append(text)
        if len(waiting) == _ONCE:
            count()
    count()
    return counts


def _cut(tokenizer: "tokenizers.Tokenizer", chosen: Array) -> "tokenizers.Tokenizer":
    """Return the tokenizer with only the tokens of these ids, numbered from 0."""
    from tokenizers import Tokenizer

    plain = json.loads(tokenizer.to_str())
    new = {int(old): number for number, old in enumerate(chosen)}
    model = plain["model"]
    if model["type"] == "WordPiece":
        model["vocab"] = {token: new[number] for token, number in model["vocab"].items() if number in new}
    else:
        model["vocab"] = [piece for number, piece in enumerate(model["vocab"]) if number in new]
        model["unk_id"] = new[model["unk_id"]]
    plain["added_tokens"] = [t | {"id": new[t["id"]]} for t in plain["added_tokens"] if t["id"] in new]
    plain["post_processor"] = _renumbered(plain.get("post_processor"), new)
    pruned: tokenizers.Tokenizer = Tokenizer.from_str(json.dumps(plain))
    return pruned


def _renumbered(processor: Any, new: dict[int, int]) -> Any:
    """Return the post-processor with new ids of its special tokens, in whichever form it stores them."""
    if isinstance(processor, list):
        if len(processor) == 2 and isinstance(processor[0], str) and isinstance(processor[1], int):
            return [processor[0], new[processor[1]]]
        return [_renumbered(part, new) for part in processor]
    if isinstance(processor, dict):
        return {
            key: [new[number] for number in value] if key == "ids" else _renumbered(value, new)
            for key, value in processor.items()
        }
    return processor
