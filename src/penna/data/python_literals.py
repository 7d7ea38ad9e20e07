"""Parse lists and dicts in the text of one cell: JSON, Python or NumPy notation. Nothing is evaluated."""

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
    """Return the list or dict that a cell holds, or None. Tuples and sets become lists.

    >>> parsed('["a", 1]'), parsed("('a', None)"), parsed("['a' 'b']"), parsed("[a, b]"), parsed("['a''b']")
    (['a', 1], ['a', None], ['a', 'b'], None, None)
    >>> parsed("[{'start': 0, 'label': 'PER'}]"), parsed("[np.str_('a')]"), parsed("array([1, 2])")
    ([{'start': 0, 'label': 'PER'}], ['a'], [1, 2])
    """
    text = cell.strip()
    if text[:1] not in tuple("[({an") or len(text) > _LONGEST:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _of_python(text)
    return value if isinstance(value, list | dict) else None


def _of_python(text: str) -> Any:
    """Parse Python or NumPy notation; return None for anything else."""
    try:
        tokens = _Tokens(text)
        value = tokens.value(0)
        return value if tokens.over() else None
    except (ValueError, SyntaxError, StopIteration):
        return None


class _Tokens:
    """A stream of the tokens of a cell with one token of lookahead.

    Its methods raise ValueError, or StopIteration at the end, if the text is no literal.
    """

    def __init__(self, text: str) -> None:
        self._rest = _tokens(text)
        self._ahead: Token | None = next(self._rest)

    def over(self) -> bool:
        """Return whether all tokens are consumed."""
        return self._ahead is None

    def value(self, depth: int) -> Any:
        """Parse one value at this nesting depth."""
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
        """Parse the rest of ``np.str_('a')`` or ``array([1, 2], dtype=object)``."""
        value = self.value(depth + 1)
        if self._sees(","):
            self._taken()
            if self._taken()[0] != "name":
                raise ValueError("no dtype")
        self._close(")")
        return value

    def _listed(self, end: str, depth: int) -> list[Any]:
        """Parse elements separated by commas (Python) or by blanks alone (NumPy)."""
        elements: list[Any] = []
        commas = blanks = False
        while not self._sees(end):
            if elements and self._sees(","):
                self._taken()
                commas = True
                if self._sees(end):
                    break
            elif elements:
                blanks = True
                if not self._apart():
                    raise ValueError("nothing between two elements")
            elements.append(self.value(depth + 1))
        if commas and blanks:
            raise ValueError("elements with and without commas")
        if end == ")" and not commas and elements:
            raise ValueError("brackets around one value")
        self._close(end)
        return elements

    def _braced(self, depth: int) -> Any:
        """Parse a dict, or a set as a list."""
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
        entries = {str(first): self._after_colon(depth)}
        while self._sees(","):
            self._taken()
            if not self._sees("}"):
                key = str(self.value(depth + 1))
                entries[key] = self._after_colon(depth)
        self._close("}")
        return entries

    def _after_colon(self, depth: int) -> Any:
        self._close(":")
        return self.value(depth + 1)

    def _close(self, sign: str) -> None:
        if self._taken()[1] != sign:
            raise ValueError(f"no {sign}")

    def _taken(self) -> Token:
        if self._ahead is None:
            raise ValueError("cut short")
        token, self._ahead = self._ahead, next(self._rest, None)
        return token

    def _sees(self, sign: str) -> bool:
        if self._ahead is None:
            raise ValueError("cut short")
        return self._ahead[0] == "sign" and self._ahead[1] == sign

    def _apart(self) -> bool:
        return self._ahead is not None and self._ahead[2]


def _tokens(text: str) -> Iterator[Token]:
    """Yield (kind, text, whether a blank precedes it) for each token."""
    at, blank = 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"no token at {at}")
        kind = match.lastgroup or ""
        yield kind, match[kind], blank or text[at].isspace()
        blank, at = text[match.end() - 1].isspace(), match.end()


def _string(token: str) -> str:
    bare = token.lstrip("uU")
    if "\\" not in bare:
        return bare[1:-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes that Python does not know
        return str(ast.literal_eval(bare.replace("\n", "\\n")))
