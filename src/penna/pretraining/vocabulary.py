"""A tokenizer, and what pretraining must know of its tokens: trained here, saved, or read from a checkpoint."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penna.pretraining.batch import Array

if TYPE_CHECKING:
    import tokenizers


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer, the ids of its special tokens, and which tokens begin a word."""

    tokenizer: "tokenizers.Tokenizer"
    pad: int
    cls: int
    sep: int
    mask: int
    unk: int
    size: int
    starts_word: Array  # (size,) bool; False for special tokens
    special: Array  # (size,) bool
