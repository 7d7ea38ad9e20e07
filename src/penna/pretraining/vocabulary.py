"""A tokenizer and the facts about its tokens that pretraining needs: trained here, saved, or loaded."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from penna.data.arrays import Array
from penna.encoders import tokenizer_folder
from penna.environment import expanded
from penna.errors import EncoderError, SettingError
from penna.pretraining import tokenizer_training
from penna.pretraining.corpus import Document

if TYPE_CHECKING:
    import tokenizers

Kind = Literal["unigram", "wordpiece"]

# The names of special tokens if no file states them.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "pad": ("[PAD]", "<pad>"),
    "cls": ("[CLS]", "<s>"),
    "sep": ("[SEP]", "</s>"),
    "mask": ("[MASK]", "<mask>"),
    "unk": ("[UNK]", "<unk>"),
}
_SMALL_FILE = 10_000_000
_LARGEST = 10_000_000


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


def train(
    documents: Iterable[Document], kind: Kind, size: int, *, lowercase: bool = True, characters: int = 20_000_000
) -> Vocabulary:
    """Train a tokenizer of ``size`` tokens on at most ``characters`` characters, spread evenly over the documents.

    All documents are read, and few are kept in memory. Raises SettingError if the size does not suit the corpus.
    """
    learners = {"unigram": tokenizer_training.unigram, "wordpiece": tokenizer_training.wordpiece}
    if kind not in learners:
        raise SettingError(f"a tokenizer of kind {kind!r} is unknown: choose unigram or wordpiece.")
    if not 8 <= size <= _LARGEST:
        raise SettingError(f"a vocabulary of {size} cannot be: give a number such as 8000 or 30000.")
    return of(learners[kind](sample(documents, characters), size, lowercase), "the new tokenizer")


def sample(documents: Iterable[Document], characters: int = 20_000_000) -> list[str]:
    """Return pieces spread evenly over the documents, at most ``characters`` characters in total."""
    return tokenizer_training.sample((document.text for document in documents), characters)


def load(folder: str | Path) -> Vocabulary:
    """Load the tokenizer of a folder in Hugging Face form. Raise EncoderError if there is no suitable one."""
    folder = expanded(folder)
    names: dict[str, str] = {}
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        config = _settings(folder / file)
        names |= {key: name for key in _NAMES if (name := _name(config.get(f"{key}_token"))) is not None}
    return of(tokenizer_folder.read(str(folder), folder)[0], str(folder), names)


def of(tokenizer: "tokenizers.Tokenizer", name: str, names: Mapping[str, str] | None = None) -> Vocabulary:
    """Return the vocabulary of ``tokenizer``; ``names`` are its special tokens if their names are unusual.

    Raises EncoderError if one of [PAD], [CLS], [SEP], [MASK] and [UNK] is missing.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    token_ids = tokenizer.get_vocab(with_added_tokens=True)
    ids = {key: _id(key, token_ids, name, names or {}) for key in _NAMES}
    size = max(token_ids.values()) + 1
    special, starts = np.zeros(size, bool), np.zeros(size, bool)
    special[list(ids.values())] = True
    special[[number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]] = True
    begins = _begins_word(json.loads(tokenizer.to_str())["model"])
    for token, number in token_ids.items():
        starts[number] = begins(token)
    return Vocabulary(tokenizer, **ids, size=size, starts_word=starts & ~special, special=special)


def save(vocabulary: Vocabulary, folder: Path, max_length: int) -> None:
    """Write tokenizer.json and tokenizer_config.json, which ``transformers`` and ``tokenizers`` both read."""
    tokenizer = vocabulary.tokenizer
    folder.mkdir(parents=True, exist_ok=True)
    lowers = _normal(tokenizer, "A") == "a"
    config = {
        # not a class of one architecture: those build their own tokenizer from the vocabulary only
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_length,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "do_lower_case": lowers,
        "keep_accents": _normal(tokenizer, "é") != "e",
        "clean_up_tokenization_spaces": False,
        **{f"{key}_token": tokenizer.id_to_token(getattr(vocabulary, key)) for key in _NAMES},
    }
    tokenizer.save(str(folder / "tokenizer.json"))
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def _normal(tokenizer: "tokenizers.Tokenizer", text: str) -> str:
    return text if tokenizer.normalizer is None else str(tokenizer.normalizer.normalize_str(text))


def _begins_word(model: Mapping[str, Any]) -> Any:
    """Return a function (token) -> bool: whether a token starts a word, as in BERT's and ALBERT's masking.

    In a unigram vocabulary these are tokens with "▁" in front, punctuation, and letters of scripts without spaces.
    """
    if model.get("type") == "WordPiece":
        prefix = model.get("continuing_subword_prefix", "##")
        return lambda token: not token.startswith(prefix)
    spaces = ("▁", "Ġ")
    return lambda token: token.startswith(spaces) or not token[:1].isalnum() or _without_spaces(token[:1])


def _without_spaces(char: str) -> bool:
    """Return whether a character is of Thai to Burmese, Khmer, kana or ideographs."""
    return (
        "\u0e00" <= char <= "\u109f" or "\u1780" <= char <= "\u17ff" or "\u3040" <= char <= "\u9fff" or char > "\uffff"
    )


def _id(key: str, token_ids: Mapping[str, int], name: str, names: Mapping[str, str]) -> int:
    for token in (names.get(key), *_NAMES[key]):
        if token is not None and token in token_ids:
            return token_ids[token]
    raise EncoderError(
        f"encoder {name!r}: its tokenizer has no {_NAMES[key][0]} token, which pretraining needs: choose another one."
    )


def _settings(file: Path) -> Mapping[str, Any]:
    """Return a small JSON object, or {} if the file is missing or holds something else."""
    try:
        if file.stat().st_size > _SMALL_FILE:
            return {}
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _name(token: Any) -> str | None:
    """Return a special token, which is stored as a string or as an object with its content."""
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else None
