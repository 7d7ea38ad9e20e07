"""Training of a tokenizer on a sample of text: unigram as in ALBERT, WordPiece as in BERT.

The library's trainers iterate over hash maps, whose order differs between processes. A given alphabet makes WordPiece
reproducible. Unigram is trained larger and cut by rounded scores: this is reproducible on some megabytes of text; on
little text, tied pieces may differ. A vocabulary is trained once and stored with its encoder.
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

#: (pad, unknown, start, end, mask) with ids 0 to 4, under the names of the published models.
ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_PIECE = 5_000
_SELDOM = 3  # rarer characters are dropped; in long texts, also those below one in a million
_LETTERS = 100
_LARGER = 1.05
_UNSPACED = 2_000_000  # characters, if words are not separated: training on whole clauses takes ten times as long
_NO_SIGN = "\ue000"  # from the private use area
_WORD = re.compile(r"(?<!\S)[^\W_]{2,16}(?![^\W_])")


def sample(texts: Iterable[str], characters: int) -> list[str]:
    """Return pieces spread evenly over all texts, at least half of ``characters`` in total if there are enough.

    >>> sample(["ab", "cd", "ef", "gh", "ij"], 6)
    ['ab', 'ef', 'ij']
    """
    pieces_taken: list[str] = []
    size, stride = 0, 1
    pieces = (text[at : at + _PIECE] for text in texts for at in range(0, len(text), _PIECE))
    for number, piece in enumerate(pieces):
        if number % stride:
            continue
        pieces_taken.append(piece)
        size += len(piece)
        if size > characters and len(pieces_taken) > 1:
            pieces_taken, stride = pieces_taken[::2], stride * 2
            size = sum(map(len, pieces_taken))
    return pieces_taken


def unigram(texts: list[str], size: int, lowercase: bool) -> "tokenizers.Tokenizer":
    """Train a unigram tokenizer (Kudo 2018, arXiv 1804.10959), with the normalizer and special ids of ALBERT's."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    same_quotes = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    plain = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()] if lowercase else []
    normalizer = normalizers.Sequence(same_quotes + plain)
    words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    learner = Tokenizer(models.Unigram())
    # in training, punctuation is separate: otherwise "end." and "end," would become pieces
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
    """Train a WordPiece tokenizer, with the normalizer, punctuation and special tokens of BERT's."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    splitter = pre_tokenizers.BertPreTokenizer()
    texts, alphabet = _common(texts, normalizer, size)
    letters = alphabet + _continuing(texts, splitter)
    _not_below(size, len(letters) + len(BERT))
    learner = Tokenizer(models.WordPiece(unk_token=BERT[1]))
    learner.pre_tokenizer = splitter
    # as special tokens, the letters get their ids in this order
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
    """Return normalized texts without rare characters, and the remaining characters, sorted.

    Characters take at most half of the vocabulary; the others become the unknown token.
    """
    texts = [normalizer.normalize_str(text) for text in texts]
    counts = Counter(chain.from_iterable(texts))
    seldom = max(_SELDOM, counts.total() // 1_000_000)
    ranked = sorted(((-count, char) for char, count in counts.items() if not char.isspace()))
    alphabet = {char for count, char in ranked[: max(size // 2, _LETTERS)] if -count >= seldom}
    rare = dict.fromkeys((char for _, char in ranked if char not in alphabet), " ")
    table = str.maketrans(rare)
    return [text.translate(table) for text in texts] if rare else texts, sorted(alphabet)


def _continuing(texts: list[str], splitter: Any) -> list[str]:
    """Return the letters that continue a word, with the prefix ##, sorted."""
    pairs = {pair for text in texts for pair in pairwise(text)}
    return sorted({f"##{b}" for a, b in pairs if _one_word(a + b, splitter)})


def _one_word(pair: str, splitter: Any) -> bool:
    words = splitter.pre_tokenize_str(pair)
    return len(words) == 1 and len(words[0][0]) == 2


def _whole_words(texts: list[str], count: int) -> str:
    """Return the most frequent words, each once, with a final character that no text contains.

    The trainer's first pieces are what *different* words have in common. Without this list, a frequent word that
    starts no other word would never be a piece, and English would take a tenth more tokens.
    """
    counts = Counter(chain.from_iterable(_WORD.findall(text) for text in texts))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:count]
    return " ".join(word + _NO_SIGN for word, times in ranked if times > 2)


def _best(learner: "tokenizers.Tokenizer", size: int) -> list[tuple[str, float]]:
    """Return special tokens, all single characters, and the longer pieces with the highest scores."""
    model = json.loads(learner.to_str())["model"]["vocab"]
    scored_pieces = [(piece, round(score, 5)) for piece, score in model if _NO_SIGN not in piece]
    pieces = sorted(scored_pieces[len(ALBERT) :], key=lambda p: (-p[1], p[0]))
    singles = sum(len(piece) == 1 for piece, _ in pieces)
    room = size - len(ALBERT) - singles
    longer = [piece for piece in pieces if len(piece[0]) > 1][:room]
    chosen = set(longer)
    return scored_pieces[: len(ALBERT)] + [p for p in pieces if len(p[0]) == 1 or p in chosen]


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
            f"a vocabulary of {size} is too small: the corpus has {needed} different characters; give more."
        )


def _supported(size: int, supported: int) -> None:
    if supported < size:
        raise SettingError(
            f"a vocabulary of {size} is larger than the corpus supports: it gives about {supported}; "
            f"give --vocab-size {supported * 19 // 20} or less, or more text."
        )
