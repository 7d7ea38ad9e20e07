"""Markup: remove HTML tags, comments, scripts and entities; keep the text between them.

Elements are known by name: "<user>", "List<String>" and "i <3 you" are text. The patterns are Penna's own, because
``html.parser`` differs between Python releases, and cleaning must be the same in training and at prediction.
"""

import html
import re

CHOICES = ("",)
PACKAGES: tuple[str, ...] = ()

_BREAKS = (
    "address|article|aside|blockquote|br|caption|center|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|"
    "h[1-6]|header|hr|li|main|nav|ol|option|p|pre|section|summary|table|tbody|td|tfoot|th|thead|title|tr|ul"
)
_INLINE = (
    "a|abbr|acronym|audio|b|bdi|bdo|big|body|button|canvas|cite|code|col|colgroup|del|dfn|em|embed|font|frame|frameset|"
    "head|html|i|iframe|img|input|ins|kbd|label|legend|link|map|mark|meta|noscript|object|param|q|s|samp|script|select|"
    "small|source|span|strike|strong|style|sub|sup|svg|textarea|time|tt|u|var|video|wbr|!doctype"
)
_BREAK = re.compile(rf"</?(?:{_BREAKS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*)?/?>|<!--[^<>]*-->|<!\[CDATA\[|\]\]>", re.IGNORECASE)
_HIDDEN = re.compile(r"<(script|style)(?:\s[^<>]*)?>", re.IGNORECASE)
# An ampersand that was escaped repeatedly ("&amp;amp;lt;") is decoded in one step.
_ENTITY = re.compile(r"&(?:amp;|#38;|#x26;)*(#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[a-zA-Z][a-zA-Z0-9]{1,31};)")
#: Maximum nesting of markup inside escaped markup; no honest text nests deeper.
_PASSES = 4


def clean(text: str, choice: str) -> str:
    """Remove markup and decode entities.

    >>> clean("<p>Fish &amp; chips</p><script>x()</script> <b>now</b>", "")
    ' Fish & chips  now'
    """
    for _ in range(_PASSES):
        before = text
        if "&" in text:
            text = _ENTITY.sub(_unescaped, text)
        if "<" in text:
            text = _TAG.sub("", _BREAK.sub(" ", _shown(text)))
        if text == before:
            break
    return text


def _unescaped(match: re.Match[str]) -> str:
    return html.unescape(f"&{match[1]}")


def _shown(text: str) -> str:
    """Remove scripts and styles. Scanned by hand: a pattern would be quadratic in unclosed elements."""
    lower = text.lower() if _HIDDEN.search(text) else ""
    if len(lower) != len(text):  # none, or letters whose lower case is longer: positions would not match
        return text
    parts, at = [], 0
    while match := _HIDDEN.search(text, at):
        end = lower.find(f"</{match[1].lower()}", match.end())
        if end < 0:
            break
        parts.append(text[at : match.start()])
        close = text.find(">", end)
        at = len(text) if close < 0 else close + 1
    return "".join([*parts, text[at:]])
