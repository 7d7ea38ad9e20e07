"""Spaces: one blank between words, none at the ends, no zero-width characters."""

import re

CHOICES = ("",)
PACKAGES: tuple[str, ...] = ()

# Joiners remain: emoji and Persian need them.
_NOTHING = re.compile("[\u00ad\u200b\u2060\ufeff]+")


def clean(text: str, choice: str) -> str:
    """Collapse white space.

    >>> clean(" so\\u200bme \\t words\\n", "")
    'some words'
    """
    if not text.isascii():
        text = _NOTHING.sub("", text)
    return " ".join(text.split())
