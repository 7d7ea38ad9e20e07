"""How a tokenizer is trained on a sample of text: unigram as ALBERT has it, WordPiece as BERT has it.

The library's trainers go through hash maps in an order of each process's own. WordPiece is given its alphabet, and
then comes out the same each time. Unigram is trained larger and cut by rounded scores: on some megabytes of text it
comes out the same, on little text pieces that tie may differ. A vocabulary is learned once, and kept with its encoder.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from penna.errors import SettingError

if TYPE_CHECKING:
    import tokenizers

#: (pad, unknown, start, end, mask) with ids 0 to 4, as the published models call them.
ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_PIECE = 5_000
_SELDOM = 3  # a character seen less often is left out; in long texts, so is one in a million
_LETTERS = 100
_LARGER = 1.05
_UNSPACED = 2_000_000  # characters, where words are not spaced: whole clauses take ten times as long to learn from
_NO_SIGN = "\ue000"  # of the private use area
_WORD = re.compile(r"(?<!\S)[^\W_]{2,16}(?![^\W_])")


def sample(texts: Iterable[str], characters: int) -> list[str]:
    """Pieces of the texts, evenly spread over them all: at least half of ``characters``, where there are so many.

    >>> sample(["ab", "cd", "ef", "gh", "ij"], 6)
    ['ab', 'ef', 'ij']
    """
    kept: list[str] = []
    size, stride = 0, 1
    pieces = (text[at : at + _PIECE] for text in texts for at in range(0, len(text), _PIECE))
    for number, piece in enumerate(pieces):
        if number % stride:
            continue
        kept.append(piece)
        size += len(piece)
        if size > characters and len(kept) > 1:
            kept, stride = kept[::2], stride * 2
            size = sum(map(len, kept))
    return kept


def unigram(texts: list[str], size: int, lowercase: bool) -> "tokenizers.Tokenizer":
    """Kudo 2018 (arXiv 1804.10959), with the normaliser, pieces and ids of ALBERT's tokenizer."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    same_quotes = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    plain = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()] if lowercase else []
    normalizer = normalizers.Sequence(same_quotes + plain)
    words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    learner = Tokenizer(models.Unigram())
    # while learning, marks stand alone: else "end." and "end," would be pieces
    learner.pre_tokenizer = pre_tokenizers.Sequence([*words, pre_tokenizers.Punctuation()])
    trainer = trainers.UnigramTrainer(
        vocab_size=int(size * _LARGER) + 8, special_tokens=list(ALBERT), unk_token=ALBERT[1], show_progress=False
    )
    texts, alphabet = _common(texts if _has_spaces(texts) else sample(texts, _UNSPACED), normalizer, size)
    _not_below(size, len(alphabet) + len(ALBERT) + 1)
    learner.train_from_iterator([*texts, _whole_words(texts, 2 * size)], trainer)
    pieces = _best(learner, size)
    _supported(size, len(pieces))
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=1, byte_fallback=False))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    return _finished(tokenizer, ALBERT)


def wordpiece(texts: list[str], size: int, lowercase: bool) -> "tokenizers.Tokenizer":
    """Pieces merged by frequency, with the normaliser, marks and special tokens of BERT's tokenizer."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    splitter = pre_tokenizers.BertPreTokenizer()
    texts, alphabet = _common(texts, normalizer, size)
    letters = alphabet + _continuing(texts, splitter)
    _not_below(size, len(letters) + len(BERT))
    learner = Tokenizer(models.WordPiece(unk_token=BERT[1]))
    learner.pre_tokenizer = splitter
    # given as special tokens, the letters get their ids in this order
    learner.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=[*BERT, *letters], show_progress=False)
    )
    vocabulary = learner.get_vocab()
    _supported(size, len(vocabulary))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=BERT[1], max_input_chars_per_word=100))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return _finished(tokenizer, BERT)


def _has_spaces(texts: list[str]) -> bool:
    return sum(text.count(" ") for text in texts) > sum(map(len, texts)) / 30


def _common(texts: list[str], normalizer: Any, size: int) -> tuple[list[str], list[str]]:
    """Return the texts normalised and without rare characters, and the characters that are left, sorted.

    Characters take at most half of the vocabulary; those left out become the unknown token.
    """
    texts = [normalizer.normalize_str(text) for text in texts]
    counts = Counter(chain.from_iterable(texts))
    seldom = max(_SELDOM, counts.total() // 1_000_000)
    ranked = sorted(((-count, sign) for sign, count in counts.items() if not sign.isspace()))
    alphabet = {sign for count, sign in ranked[: max(size // 2, _LETTERS)] if -count >= seldom}
    rare = dict.fromkeys((sign for _, sign in ranked if sign not in alphabet), " ")
    table = str.maketrans(rare)
    return [text.translate(table) for text in texts] if rare else texts, sorted(alphabet)


def _continuing(texts: list[str], splitter: Any) -> list[str]:
    """Return the letters that follow another inside a word, marked so, sorted."""
    pairs = {pair for text in texts for pair in pairwise(text)}
    return sorted({f"##{b}" for a, b in pairs if _one_word(a + b, splitter)})


def _one_word(pair: str, splitter: Any) -> bool:
    found = splitter.pre_tokenize_str(pair)
    return len(found) == 1 and len(found[0][0]) == 2


def _whole_words(texts: list[str], count: int) -> str:
    """Return the commonest words, each once with a sign that no text has at its end.

    The trainer's first pieces are what several *different* words have in common: without these, a frequent word
    that begins no other would never be a piece, and English would take a tenth more tokens.
    """
    counts = Counter(chain.from_iterable(_WORD.findall(text) for text in texts))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:count]
    return " ".join(word + _NO_SIGN for word, times in ranked if times > 2)


def _best(learner: "tokenizers.Tokenizer", size: int) -> list[tuple[str, float]]:
    """Return special tokens, all single characters, and of the other pieces those with the highest scores."""
    model = json.loads(learner.to_str())["model"]["vocab"]
    scored_pieces = [(piece, round(score, 5)) for piece, score in model if _NO_SIGN not in piece]
    pieces = sorted(scored_pieces[len(ALBERT) :], key=lambda p: (-p[1], p[0]))
    singles = sum(len(piece) == 1 for piece, _ in pieces)
    room = size - len(ALBERT) - singles
    longer = [piece for piece in pieces if len(piece[0]) > 1][:room]
    kept = set(longer)
    return scored_pieces[: len(ALBERT)] + [p for p in pieces if len(p[0]) == 1 or p in kept]


def _finished(tokenizer: "tokenizers.Tokenizer", special: tuple[str, ...]) -> "tokenizers.Tokenizer":
    from tokenizers import AddedToken, processors

    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def _not_below(size: int, needed: int) -> None:
    if size < needed:
        raise SettingError(
            f"a vocabulary of {size} is too small: the corpus has {needed} different characters and marks; give more."
        )


def _supported(size: int, found: int) -> None:
    if found < size:
        raise SettingError(
            f"a vocabulary of {size} is larger than the corpus supports: it gives about {found}; "
            f"give --vocab-size {found * 19 // 20} or less, or more text."
        )
