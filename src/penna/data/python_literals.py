"""Lists and dicts that were written into a cell: as JSON, as Python or as NumPy writes them.

Knows one cell; evaluates nothing.
"""

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

_LONGEST, _DEEPEST = 1_000_000, 50
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>[uU]?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))
    |(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
    |(?P<word>True|False|None|nan|NaN)(?!\w)
    |(?P<call>(?:np|numpy)\.\w+\(|array\()
    |(?P<name>dtype=[\w.'<]+)
    |(?P<sign>[\[\](){},:])
    )\s*""",
    re.VERBOSE | re.DOTALL,
)
_CLOSED = {"[": "]", "(": ")", "{": "}"}
_WORDS = {"True": True, "False": False, "None": None, "nan": None, "NaN": None}

Token = tuple[str, str, bool]


def parsed(cell: str) -> Any:
    """Return the list or dict that a cell holds; None where it holds none. Tuples and sets are lists.

    >>> parsed('["a", 1]'), parsed("('a', None)"), parsed("['a' 'b']"), parsed("[a, b]"), parsed("['a''b']")
    (['a', 1], ['a', None], ['a', 'b'], None, None)
    >>> parsed("[{'start': 0, 'label': 'PER'}]"), parsed("[np.str_('a')]"), parsed("array([1, 2])")
    ([{'start': 0, 'label': 'PER'}], ['a'], [1, 2])
    """
    text = cell.strip()
    if text[:1] not in tuple("[({an") or len(text) > _LONGEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _of_python(text)
    return found if isinstance(found, list | dict) else None


def _of_python(text: str) -> Any:
    try:
        tokens = _Tokens(text)
        found = tokens.value(0)
        return found if tokens.over() else None
    except (ValueError, SyntaxError, StopIteration):
        return None


class _Tokens:
    """The tokens of a cell, of which one is ahead.

    Raises ValueError, or StopIteration at the end, for what is no literal.
    """

    def __init__(self, text: str) -> None:
        self._rest = _tokens(text)
        self._ahead: Token | None = next(self._rest)

    def over(self) -> bool:
        return self._ahead is None

    def value(self, depth: int) -> Any:
        kind, text, _ = self._taken()
        if depth > _DEEPEST:
            raise ValueError("too deep")
        if kind == "string":
            return _string(text)
        if kind == "number":
            return int(text) if text.lstrip("+-").isdecimal() else float(text)
        if kind == "word":
            return _WORDS[text]
        if kind == "call":
            return self._called(depth)
        if text == "{":
            return self._braced(depth)
        if text in ("[", "("):
            return self._listed(_CLOSED[text], depth)
        raise ValueError("no value")

    def _called(self, depth: int) -> Any:
        """``np.str_('a')``, ``array([1, 2], dtype=object)``."""
        found = self.value(depth + 1)
        if self._sees(","):
            self._taken()
            if self._taken()[0] != "name":
                raise ValueError("no dtype")
        self._close(")")
        return found

    def _listed(self, end: str, depth: int) -> list[Any]:
        """Elements between commas, as Python writes them, or between blanks alone, as NumPy does."""
        found: list[Any] = []
        commas = blanks = False
        while not self._sees(end):
            if found and self._sees(","):
                self._taken()
                commas = True
                if self._sees(end):
                    break
            elif found:
                blanks = True
                if not self._apart():
                    raise ValueError("nothing between two elements")
            found.append(self.value(depth + 1))
        if commas and blanks:
            raise ValueError("elements with and without commas")
        if end == ")" and not commas and found:
            raise ValueError("brackets around one value")
        self._close(end)
        return found

    def _braced(self, depth: int) -> Any:
        """Return a dict, or a set as a list."""
        if self._sees("}"):
            self._taken()
            return {}
        first = self.value(depth + 1)
        if not self._sees(":"):
            rest = []
            while self._sees(","):
                self._taken()
                rest += [] if self._sees("}") else [self.value(depth + 1)]
            self._close("}")
            return sorted([first, *rest], key=str)
        made = {str(first): self._after_colon(depth)}
        while self._sees(","):
            self._taken()
            if not self._sees("}"):
                key = str(self.value(depth + 1))
                made[key] = self._after_colon(depth)
        self._close("}")
        return made

    def _after_colon(self, depth: int) -> Any:
        self._close(":")
        return self.value(depth + 1)

    def _close(self, sign: str) -> None:
        if self._taken()[1] != sign:
            raise ValueError(f"no {sign}")

    def _taken(self) -> Token:
        if self._ahead is None:
            raise ValueError("cut short")
        taken, self._ahead = self._ahead, next(self._rest, None)
        return taken

    def _sees(self, sign: str) -> bool:
        if self._ahead is None:
            raise ValueError("cut short")
        return self._ahead[0] == "sign" and self._ahead[1] == sign

    def _apart(self) -> bool:
        return self._ahead is not None and self._ahead[2]


def _tokens(text: str) -> Iterator[Token]:
    """(kind, text, whether a blank is before it)."""
    at, blank = 0, False
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"no token at {at}")
        kind = found.lastgroup or ""
        yield kind, found[kind], blank or text[at].isspace()
        blank, at = text[found.end() - 1].isspace(), found.end()


def _string(token: str) -> str:
    bare = token.lstrip("uU")
    if "\\" not in bare:
        return bare[1:-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that Python does not know
        return str(ast.literal_eval(bare.replace("\n", "\\n")))
