"""Links: replace web addresses, mail addresses and user names by one word each."""

import re

CHOICES = ("",)
PACKAGES: tuple[str, ...] = ()

# The tokens of TweetEval's models (Barbieri et al. 2020), and one more.
PAGE, MAIL, USER = "http", "@email", "@user"
_URL = re.compile(r"(?<!\w)(?:[hH][tT][tT][pP][sS]?://|[wW]{3}\.)[^\s<>\"]+")
# Matches start at a boundary, so that no text can make this slow.
_EMAIL = re.compile(r"(?<![\w.+@-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_USER = re.compile(r"(?<![\w@.])@\w+")


def clean(text: str, choice: str) -> str:
    """Replace links, users and mail addresses by tokens.

    >>> clean("@ann see https://x.org/a?b or write to ann@x.org", "")
    '@user see http or write to @email'
    """
    if "://" in text or "www." in text or "WWW." in text:
        text = _URL.sub(PAGE, text)
    if "@" in text:
        text = _USER.sub(_named, _EMAIL.sub(MAIL, text))
    return text


def _named(match: re.Match[str]) -> str:
    return MAIL if match[0] == MAIL else USER
