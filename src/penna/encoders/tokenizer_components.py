"""The allowed components of a tokenizer and their settings, for encoders of the supported architectures.

Everything else is refused by name. Knows JSON values; not the library tokenizers, which must not see an unchecked file.

Native code trusts its input: a character map can make it abort, and a replacement can make a text grow without end. So
texts never grow by more than Unicode normalization, and patterns come from a list.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from penna.encoders import sentencepiece_charsmap
from penna.encoders.tokenizer_checks import (  # fmt: skip
    LONGEST_TOKEN,
    MOST_TOKENS,
    SHORT,
    Check,
    flag,
    flag_or_none,
    letter,
    nothing,
    one_of,
    pattern,
    short,
    short_or_none,
    text,
    token,
    token_id,
    token_or_none,
    unknown_id,
    whole,
)

Parts: TypeAlias = Mapping[str, Mapping[str, Check]]

_MOST_ADDED = 1 << 14
_MOST_STEPS = 16  # of a sequence
_LONGEST_WORD = 200  # characters of a word in which pieces are searched, in quadratic time; 100 is usual
#: Steps that can make a text or its bytes longer: at most one of each is allowed.
_ONCE = ("Precompiled", "Prepend", "ByteLevel", "Metaspace")


def special(value: Any) -> None:
    """Require a pair [token, id]."""
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("a special token is not a pair of a token and its id")
    token(value[0])
    token_id(value[1])


def typed(part: Any, kinds: Parts, where: str, inner: str = "") -> None:
    """Check one component against the allowed ``kinds``; ``inner`` is the key of the parts of a sequence."""
    kind = part.get("type") if isinstance(part, dict) else part
    if kind == "Sequence" and inner:
        steps = part.get(inner)
        if set(part) != {"type", inner} or not isinstance(steps, list) or len(steps) > _MOST_STEPS:
            raise ValueError(f"its {where} is not a sequence of at most {_MOST_STEPS} known steps")
        for step in steps:
            typed(step, kinds, where)
        for once in _ONCE:
            if sum(step["type"] == once for step in steps) > 1:
                raise ValueError(f"its {where} holds {once} more than once")
        return
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"a {where} of kind {kind!r:.40} is not one of a known tokenizer")
    settings(part, kinds[kind], f"{where} {kind}")


def settings(part: Mapping[str, Any], checks: Mapping[str, Check], where: str) -> None:
    """Check the settings of one component."""
    for name, value in part.items():
        if name == "type":
            continue
        if name not in checks:
            raise ValueError(f"its {where} has {name!r:.40}, which no known tokenizer has")
        try:
            checks[name](value)
        except ValueError as error:
            raise ValueError(f"its {where}: {name} {error}") from None
    if where.endswith(" Replace"):
        _no_growth(part)


def _no_growth(part: Mapping[str, Any]) -> None:
    """Check that a replacement is not longer than the text it replaces, in every normal form."""
    replaced, content = part.get("pattern", {}), part.get("content", "")
    least = len(replaced["String"]) if "String" in replaced else 1
    if len(content) > least or not content.replace("▁", "").isascii():
        raise ValueError("its Replace lets texts grow")


_METASPACE: Mapping[str, Check] = {
    "replacement": letter, "str_rep": letter, "add_prefix_space": flag, "split": flag,
    "prepend_scheme": one_of("always", "never", "first"),
}  # fmt: skip
_BYTES: Mapping[str, Check] = {"add_prefix_space": flag, "trim_offsets": flag, "use_regex": flag}
_REPLACE: Mapping[str, Check] = {"pattern": pattern, "content": short}
_BEHAVIOR = one_of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
_FORMS = ("NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents")

NORMALIZERS: Parts = {
    **{form: {} for form in _FORMS},
    "BertNormalizer": {
        "clean_text": flag, "handle_chinese_chars": flag, "strip_accents": flag_or_none, "lowercase": flag,
    },
    "Strip": {"strip_left": flag, "strip_right": flag},
    "Prepend": {"prepend": short},
    "Replace": _REPLACE,
    "Precompiled": {"precompiled_charsmap": lambda value: _charsmap(value)},
}  # fmt: skip
PRE_TOKENIZERS: Parts = {
    "BertPreTokenizer": {},
    "CharDelimiterSplit": {"delimiter": letter},
    "UnicodeScripts": {},
    "Whitespace": {},
    "WhitespaceSplit": {},
    "ByteLevel": _BYTES,
    "Metaspace": _METASPACE,
    "Punctuation": {"behavior": _BEHAVIOR},
    "Digits": {"individual_digits": flag},
    "Split": {"pattern": pattern, "behavior": _BEHAVIOR, "invert": flag},
}
POST_PROCESSORS: Parts = {
    "BertProcessing": {"sep": special, "cls": special},
    "RobertaProcessing": {"sep": special, "cls": special, "trim_offsets": flag, "add_prefix_space": flag},
    "ByteLevel": _BYTES,
    "TemplateProcessing": {
        "single": lambda value: _template(value, "A"),
        "pair": lambda value: _template(value, "AB"),
        "special_tokens": lambda value: _special_tokens(value),
    },
}
DECODERS: Parts = {
    "WordPiece": {"prefix": short, "cleanup": flag},
    "ByteLevel": _BYTES,
    "Metaspace": _METASPACE,
    "BPEDecoder": {"suffix": short},
    "Replace": _REPLACE,
    "Strip": {"content": letter, "start": whole(0, SHORT), "stop": whole(0, SHORT)},
    "ByteFallback": {},
    "Fuse": {},
}
MODELS: Parts = {
    "WordPiece": {
        "vocab": lambda value: _vocabulary(value), "unk_token": token, "continuing_subword_prefix": short,
        "max_input_chars_per_word": whole(1, _LONGEST_WORD),
    },
    "BPE": {
        "vocab": lambda value: _vocabulary(value), "merges": lambda value: _merges(value), "dropout": nothing,
        "unk_token": token_or_none, "continuing_subword_prefix": short_or_none, "end_of_word_suffix": short_or_none,
        "fuse_unk": flag, "byte_fallback": flag, "ignore_merges": flag,
    },
    "Unigram": {"vocab": lambda value: _pieces(value), "unk_id": unknown_id, "byte_fallback": flag},
    "WordLevel": {"vocab": lambda value: _vocabulary(value), "unk_token": token},
}  # fmt: skip
_ADDED: Mapping[str, Check] = {
    "id": token_id, "content": token, "single_word": flag, "lstrip": flag, "rstrip": flag, "normalized": flag,
    "special": flag,
}  # fmt: skip


def added_tokens(value: Any) -> None:
    """Check the list of added tokens."""
    if not isinstance(value, list) or len(value) > _MOST_ADDED:
        raise ValueError(f"its added tokens are not a list, or more than {_MOST_ADDED:,}")
    for part in value:
        if type(part) is not dict:
            raise ValueError("an added token is not an object")
        settings(part, _ADDED, "added token")


def _charsmap(value: Any) -> None:
    text(value, 1 << 23)
    sentencepiece_charsmap.check(value)


def _vocabulary(value: Any) -> None:
    """Check a mapping from token to id, all at once: a few milliseconds, while one by one takes fifty."""
    if not isinstance(value, dict) or not 0 < len(value) <= MOST_TOKENS:
        raise ValueError(f"is not an object of 1 to {MOST_TOKENS:,} tokens")
    ids = list(value.values())
    if set(map(type, ids)) != {int} or min(ids) < 0 or max(ids) >= MOST_TOKENS or len(set(ids)) != len(ids):
        raise ValueError("has ids that are not whole numbers, too large, or repeated")
    if max(map(len, value)) > LONGEST_TOKEN:
        raise ValueError(f"has tokens of more than {LONGEST_TOKEN} characters")


def _pieces(value: Any) -> None:
    """Check a list of [piece, log-probability]."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_TOKENS:
        raise ValueError(f"is not a list of 1 to {MOST_TOKENS:,} pieces")
    if set(map(type, value)) != {list} or set(map(len, value)) != {2}:
        raise ValueError("has pieces that are not pairs")
    pieces, scores = zip(*value, strict=True)
    if set(map(type, pieces)) != {str} or max(map(len, pieces)) > LONGEST_TOKEN:
        raise ValueError(f"has pieces that are not texts of at most {LONGEST_TOKEN} characters")
    if not set(map(type, scores)) <= {int, float} or not all(map(math.isfinite, scores)):
        raise ValueError("has scores that are not finite numbers")


def _merges(value: Any) -> None:
    if not isinstance(value, list) or len(value) > MOST_TOKENS:
        raise ValueError(f"is not a list of at most {MOST_TOKENS:,} merges")
    kinds = set(map(type, value))
    if kinds == {list}:
        if set(map(len, value)) != {2} or set(map(type, (part for pair in value for part in pair))) != {str}:
            raise ValueError("has merges that are not pairs of tokens")
    elif kinds - {str}:
        raise ValueError("has merges that are not texts")


def _template(value: Any, sides: str) -> None:
    if not isinstance(value, list) or len(value) > _MOST_STEPS:
        raise ValueError("is not a list, or too long")
    text_ids = []
    for part in value:
        ((kind, what),) = part.items() if isinstance(part, dict) and len(part) == 1 else (("", {}),)
        if kind not in ("Sequence", "SpecialToken") or not isinstance(what, dict) or set(what) != {"id", "type_id"}:
            raise ValueError("has a step that is neither a text nor a special token")
        token(what["id"])
        whole(0, 1)(what["type_id"])
        text_ids += [what["id"]] if kind == "Sequence" else []
    if text_ids != list(sides):
        raise ValueError(f"joins {'+'.join(text_ids)[:40]} instead of {'+'.join(sides)}")


def _special_tokens(value: Any) -> None:
    if not isinstance(value, dict) or len(value) > _MOST_STEPS:
        raise ValueError("is not an object, or too large")
    for name, part in value.items():
        token(name)
        if not isinstance(part, dict) or set(part) != {"id", "ids", "tokens"} or part["id"] != name:
            raise ValueError("has a special token without a name or ids")
        ids, tokens = part["ids"], part["tokens"]
        if not isinstance(ids, list) or not isinstance(tokens, list) or not 0 < len(ids) == len(tokens) <= SHORT:
            raise ValueError("has a special token without a name or ids")
        for number, name in zip(ids, tokens, strict=True):
            token_id(number)
            token(name)
