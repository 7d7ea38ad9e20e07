"""Unicode: broken encodings repaired ("donâ€™t" -> "don't"), quotes straightened, controls removed, one normal form."""

import re
import unicodedata
from typing import Literal

import ftfy
from ftfy.badness import is_bad

#: "nfc" puts letters and accents together; "nfkc" also makes ligatures and full-width signs plain.
CHOICES = ("nfc", "nfkc")
PACKAGES = ("ftfy",)

#: Controls, bytes read as Latin-1, curly quotes, surrogates, marks of byte order: what ftfy has work with.
_ODD = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f‘’‚‛“”„‟ʼ\u206a-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")
_ROUNDS = 4
# Entities belong to the step markup, breaks to the step spaces; widths and ligatures are left to the form.
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
        # ftfy looks at every character several times: most texts can be known beforehand to give it nothing to do.
        if _ODD.search(text) or is_bad(text):
            text = ftfy.fix_text(text, _REPAIR)
        if unicodedata.is_normalized(form, text):
            break
        text = unicodedata.normalize(form, text)  # in its plain form a text may show what was wrong with it
    return text
