"""Missing: an empty cell says so, where it would otherwise leave the row to its other columns."""

CHOICES = ("",)
PACKAGES: tuple[str, ...] = ()

WORD = "[missing]"


def clean(text: str, choice: str) -> str:
    """Replace an empty text by a token.

    >>> clean(" ", "")
    '[missing]'
    """
    return WORD if not text or text.isspace() else text
