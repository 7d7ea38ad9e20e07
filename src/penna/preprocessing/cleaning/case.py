"""Case: convert letters to lower case."""

CHOICES = ("",)
PACKAGES: tuple[str, ...] = ()


def clean(text: str, choice: str) -> str:
    """Convert to lower case.

    >>> clean("Why ME", "")
    'why me'
    """
    return text if text.islower() else text.lower()
