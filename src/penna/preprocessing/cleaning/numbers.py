"""Numbers: replace digits; that a number is there remains visible."""

import re

#: "shape" writes each digit as 0 ("2019" -> "0000"); "token" writes each number as one 0 ("1,250.00" -> "0").
CHOICES = ("shape", "token")
PACKAGES: tuple[str, ...] = ()

_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def clean(text: str, choice: str) -> str:
    """Replace digits.

    >>> clean("paid 1,250.00 in 2019", "shape"), clean("paid 1,250.00 in 2019", "token")
    ('paid 0,000.00 in 0000', 'paid 0 in 0')
    """
    if not _DIGIT.search(text):
        return text
    return (_DIGIT if choice == "shape" else _NUMBER).sub("0", text)
