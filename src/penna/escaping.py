"""Escape text from tables, files and artifacts for display in terminals and pages.

Labels, column names and texts may hold anything: sequences that rename or clear a terminal, characters that reorder
others, zero-width characters. Data files keep them unchanged.
"""

import re

# Controls (C0, DEL, C1), reordering and zero-width characters, line and paragraph separators, surrogates, tags.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
#: Joiners are needed by Arabic to Southeast Asian scripts, and by composed emoji.
_JOINED = re.compile("[\u0600-\u109f\u1780-\u18af\ufe0f\U0001f000-\U0001faff\u2600-\u27bf]")
_JOINERS = "\u200c\u200d"
_MARKDOWN = re.compile(r"[\\`*\[\]<>|#~!&@$]|(?<=[a-zA-Z]):(?=//)|(?<=www)\.|(?<![^\W_])_|_(?![^\W_])")


def visible(text: str) -> str:
    """Return the text on one line, with hidden characters as escapes; other characters are unchanged.

    >>> visible("a\\x1b[2J\\u202eb\\n"), visible("Größe 大")
    ('a\\\\x1b[2J\\\\u202eb\\\\n', 'Größe 大')
    """
    return HIDDEN.sub(_escaped, text)


def pictured(text: str) -> str:
    """Replace each hidden character but tabs and line ends by a visible one; the length is unchanged.

    >>> pictured("a\\x1b[2J\\n")
    'a\ufffd[2J\\n'
    """
    return HIDDEN.sub(lambda found: found[0] if found[0] in "\n\t" or _joins(found) else "\ufffd", text)


def markdown(text: str) -> str:
    """Escape text for Markdown: no markup, HTML, links or line ends of its own.

    >>> markdown("<b>a_b</b> [x](http://y)")
    '\\\\<b\\\\>a_b\\\\</b\\\\> \\\\[x\\\\](http\\\\://y)'
    """
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", HIDDEN.sub(_escaped, text))


def _escaped(match: re.Match[str]) -> str:
    return match[0] if _joins(match) else match[0].encode("unicode_escape").decode("ascii")


def _joins(match: re.Match[str]) -> bool:
    """Return whether this is a joiner that the script needs."""
    before = match.string[match.start() - 1 : match.start()]
    return match[0] in _JOINERS and bool(before and _JOINED.match(before))
