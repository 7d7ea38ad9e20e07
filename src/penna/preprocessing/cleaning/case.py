"""Case: all letters small."""

CHOICES = ("",)
PACKAGES: tuple[str, ...] = ()


def clean(text: str, choice: str) -> str:
    """Lower the case.

    >>> clean("Why ME", "")
    'why me'
    """
    return text if text.islower() else text.lower()
