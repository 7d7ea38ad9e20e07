"""A BPE tokenizer trained on a task's own texts: training, loading, texts to ids and back. No torch, no language.

Pieces are merged by frequency (BPE, Sennrich et al. 2016, arXiv 1508.07909). On multi30k, 6,000 BPE pieces make texts
an eighth shorter than as many unigram pieces of the library, and train in a quarter of the time. Case is kept.
Punctuation and digits are separate pieces. A space belongs to the next piece, so joined pieces restore the text, also
in languages without spaces.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penna.encoders import tokenizer_file
from penna.encoders.tokens import Ragged
from penna.errors import BundleError

if TYPE_CHECKING:
    import tokenizers

#: Ids 0 to 3: padding, unknown text, start and end of a target text.
PAD, UNKNOWN, BEGIN, END = range(4)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
#: Ids that are never generated.
NEVER = (PAD, UNKNOWN, BEGIN)

_SPACE = "▁"
_LONGEST = 16  # characters of a piece: no whole clauses in languages without spaces
_CHARACTERS = 20_000_000  # most characters to train on
_LARGEST = 64 << 20  # bytes of a file


def learn(texts: Sequence[str], size: int) -> "tokenizers.Tokenizer":
    """Train a tokenizer of at most ``size`` pieces, or fewer if the texts support no more.

    It puts ``END`` after each text.

    >>> pieces = learn(["ab ab abc"] * 3, 20)
    >>> decode(pieces, [pieces.encode("abc ab").ids])
    ['abc ab']
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    texts = _some(texts)
    alphabet = _alphabet(texts, size)
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN], fuse_unk=True))
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, limit_alphabet=len(alphabet),
        max_token_length=_LONGEST, min_frequency=2, show_progress=False,
    )  # fmt: skip
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always"),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="always")
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {SPECIAL[END]}", special_tokens=[(SPECIAL[END], END)]
    )
    return tokenizer


def encode(tokenizer: "tokenizers.Tokenizer", texts: Iterable[str]) -> Ragged:
    """Return each text's ids with special tokens, not truncated."""
    rows = [encoding.ids for encoding in tokenizer.encode_batch_fast([clean(text) for text in texts])]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    flat = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
    return Ragged(flat, offsets, np.diff(offsets), PAD)


def decode(tokenizer: "tokenizers.Tokenizer", rows: Iterable[Sequence[int]]) -> list[str]:
    """Return the texts of rows of ids."""
    return [str(text).strip() for text in tokenizer.decode_batch([list(row) for row in rows], skip_special_tokens=True)]


def clean(text: str) -> str:
    """Replace lone surrogates by question marks: a tokenizer refuses them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def open_file(path: Path, vocabulary_size: int, own: bool = True) -> "tokenizers.Tokenizer":
    """Load a tokenizer of an artifact.

    Raises BundleError if it is damaged, has more than ``vocabulary_size`` tokens, or (with ``own``) has other special
    tokens than this module writes.
    """
    tokenizer = tokenizer_file.open_tokenizer(path, vocabulary_size, _LARGEST)
    if own and [tokenizer.token_to_id(token) for token in SPECIAL] != list(range(len(SPECIAL))):
        raise BundleError(f"{path} is damaged (it has other special tokens): copy the artifact again.")
    return tokenizer


def _some(texts: Sequence[str]) -> list[str]:
    """Return evenly spread texts, with at most the characters that training reads."""
    stride = max(1, -(-sum(map(len, texts)) // _CHARACTERS))
    return [unicodedata.normalize("NFC", clean(text)) for text in texts[::stride]]


def _alphabet(texts: Sequence[str], size: int) -> list[str]:
    """Return the characters that get a piece, most frequent first: at most half of all pieces, none seen only once."""
    counts = Counter(chain.from_iterable(texts))
    ranked = sorted((-count, char) for char, count in counts.items() if count > 1 and not char.isspace())
    return [_SPACE, *(char for _, char in ranked[: max(1, size // 2)])]
