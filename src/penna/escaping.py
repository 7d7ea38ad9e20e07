"""Text from tables, files and artefacts as people see it: what a terminal or a page would obey is escaped. A leaf.

Labels, names of columns and texts may hold anything: sequences that rename or clear a terminal, characters that turn
the order of others around, characters without width. They stay as they are in files of data.
"""

import re

# Controls (C0, DEL, C1), what reorders text, what has no width, line and paragraph separators, halves of pairs, tags.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
#: Joiners belong to the writing of these: Arabic to Southeast Asian scripts, and pictures of several parts.
_JOINED = re.compile("[\u0600-\u109f\u1780-\u18af\ufe0f\U0001f000-\U0001faff\u2600-\u27bf]")
_JOINERS = "\u200c\u200d"
_MARKDOWN = re.compile(r"[\\`*\[\]<>|#~!&@$]|(?<=[a-zA-Z]):(?=//)|(?<=www)\.|(?<![^\W_])_|_(?![^\W_])")


def visible(text: str) -> str:
    """Return the text on one line, with hidden characters as escapes; what is visible already stays as it is.

    >>> visible("a\\x1b[2J\\u202eb\\n"), visible("Größe 大")
    ('a\\\\x1b[2J\\\\u202eb\\\\n', 'Größe 大')
    """
    return HIDDEN.sub(_escaped, text)


def pictured(text: str) -> str:
    """Return the text with a sign in place of each hidden character but tabs and line ends: of the same length.

    >>> pictured("a\\x1b[2J\\n")
    'a\ufffd[2J\\n'
    """
    return HIDDEN.sub(lambda found: found[0] if found[0] in "\n\t" or _joins(found) else "\ufffd", text)


def markdown(text: str) -> str:
    """Return the text as Markdown shows it: without markup, HTML, links or line ends of its own.

    >>> markdown("<b>a_b</b> [x](http://y)")
    '\\\\<b\\\\>a_b\\\\</b\\\\> \\\\[x\\\\](http\\\\://y)'
    """
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", HIDDEN.sub(_escaped, text))


def _escaped(found: re.Match[str]) -> str:
    return found[0] if _joins(found) else found[0].encode("unicode_escape").decode("ascii")


def _joins(found: re.Match[str]) -> bool:
    """Whether this is a joiner where writing needs it."""
    before = found.string[found.start() - 1 : found.start()]
    return found[0] in _JOINERS and bool(before and _JOINED.match(before))
