"""Unicode: repair encodings ("donâ€™t" -> "don't"), straighten quotes, remove controls, normalize."""

import re
import unicodedata
from typing import Literal

import ftfy
from ftfy.badness import is_bad

#: "nfc" composes letters and accents; "nfkc" also replaces ligatures and full-width characters.
CHOICES = ("nfc", "nfkc")
PACKAGES = ("ftfy",)

#: What ftfy can repair: controls, bytes read as Latin-1, curly quotes, surrogates, byte order marks.
_ODD = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f‘’‚‛“”„‟ʼ\u206a-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")
_ROUNDS = 4
# The step markup handles entities, the step spaces handles breaks; the normal form handles widths and ligatures.
_REPAIR = ftfy.TextFixerConfig(
    unescape_html=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    fix_line_breaks=False,
    normalization=None,
    explain=False,
)


def clean(text: str, choice: str) -> str:
    """Repair and normalize Unicode.

    >>> clean("The caf\\u00c3\\u00a9 canâ€™t", "nfc")
    "The café can't"
    """
    if text.isascii() and not _ODD.search(text):
        return text
    form: Literal["NFC", "NFKC"] = "NFKC" if choice == "nfkc" else "NFC"
    for _ in range(_ROUNDS):
        # ftfy inspects every character several times; a quick test shows that most texts need no repair.
        if _ODD.search(text) or is_bad(text):
            text = ftfy.fix_text(text, _REPAIR)
        if unicodedata.is_normalized(form, text):
            break
        text = unicodedata.normalize(form, text)  # normalization may reveal further damage
    return text
