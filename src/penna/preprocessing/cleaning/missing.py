"""Missing: replace an empty cell by a token, so that a row without text is distinct."""

CHOICES = ("",)
PACKAGES: tuple[str, ...] = ()

WORD = "[missing]"


def clean(text: str, choice: str) -> str:
    """Replace an empty text by a token.

    >>> clean(" ", "")
    '[missing]'
    """
    return WORD if not text or text.isspace() else text
