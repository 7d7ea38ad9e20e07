"""Cells that hold several labels: how they are written, and the sets that they become. Knows one column."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from penna.data import python_literals
from penna.data.readers import multi_targets
from penna.data.table import Objects
from penna.tasks import _numeric_target

#: Signs that stand between labels, in the order that they are looked for.
SIGNS = ("|", ";", ",", "/")
#: Signs that are hinted at alone: names have them, too, or hardly any table.
HINTED = ("#", "\n", "\t", "&", "+", "~", "^", "\\", "、", "，", "；", "·", "::", " - ", " and ", " ")
_IN_NAMES = ("&", "+", " - ", " and ", " ")
JSON = "json"
#: Of the cells with something in them, so many must hold a sign for it to part labels.
_LEAST = 0.01
#: Of the parts of such cells, so many must stand in other company, too, or alone: "Sports, Outdoors" is
#: one name, and of the path "Home/Kitchen/Pans" two parts in three come again.
_MIXED = 0.7
#: A label is a name, not a sentence.
_LONGEST, _WORDS = 60, 5
_SOME = 50_000  # cells that the form is recognized by


def several(cells: Sequence[Any]) -> bool:
    """Whether cells hold lists, or labels joined by a sign."""
    return (
        any(isinstance(cell, tuple) for cell in cells)
        or bool(form_of(cells))
        or multi_targets.matrix(cells) is not None
    )


def form_of(cells: Sequence[Any]) -> str:
    """Return the sign between the labels of a column, "json" for lists written so; "" where there is neither.

    >>> form_of(["joy|love", "joy", "anger|joy", "love"]), form_of(["Sports, Outdoors", "Books"])
    ('|', '')
    """
    texts = [cell.strip() for cell in cells[:: max(1, len(cells) // _SOME)] if isinstance(cell, str)]
    texts = [text for text in texts if text]
    if not texts:
        return ""
    lists_like = [text for text in texts if listed(text)]
    if sum(isinstance(python_literals.parsed(text), list) for text in lists_like) >= max(2, _LEAST * len(texts)):
        return JSON
    if 2 * len(lists_like) >= len(texts):
        return ""
    if _numeric_target.amounts(texts):
        return ""
    return next((sign for sign in SIGNS if _parted(texts, sign)), "")


def listed(text: str) -> bool:
    """Whether a cell begins and ends as a list does."""
    return text[:1] + text[-1:] in ("[]", "()", "{}") and len(text) > 1


def unread(cells: Sequence[Any]) -> list[int]:
    """Positions of cells that begin and end as lists do, and are none."""
    written = [(i, cell) for i, cell in enumerate(cells) if isinstance(cell, str) and listed(cell.strip())]
    return [i for i, cell in written if not isinstance(python_literals.parsed(cell), list)]


def hint(cells: Sequence[Any]) -> str:
    """Return a sign that labels of a column may be joined by, among those that are not looked for otherwise.

    "" for none.

    >>> hint(["joy#love", "joy", "anger#joy", "love"]), hint(["[joy, love]", "[joy]"]), hint(["credit card", "card"])
    ('#', '[,]', '')
    """
    texts = [cell.strip() for cell in cells[:: max(1, len(cells) // _SOME)] if isinstance(cell, str) and cell.strip()]
    if not texts or _numeric_target.amounts(texts):
        return ""
    if all(map(listed, texts)):
        return next((f"[{sign}]" for sign in (*SIGNS, " ") if any(sign in text for text in texts)), "")
    return next((sign for sign in HINTED if _parted(texts, sign) and _alone(texts, sign)), "")


def _alone(texts: Sequence[str], sign: str) -> bool:
    """Whether what a sign parts also stands alone, where the sign is one that names have, too."""
    if sign not in _IN_NAMES:
        return True
    parts = {part.strip() for text in texts for part in text.split(sign)}
    return 2 * len(parts & set(texts)) >= len(parts)


def _parted(texts: Sequence[str], sign: str) -> bool:
    """Whether a sign parts labels: enough cells hold it, and their parts come again in other company."""
    held = sum(sign in text for text in texts)
    if held < max(2, _LEAST * len(texts)):
        return False
    company = defaultdict[str, set[str]](set)
    rows = Counter[str]()
    for text in texts:
        parts = {part.strip() for part in text.split(sign)} - {""}
        for part in parts:
            company[part].add(text)
            rows[part] += 1
    if len(rows) > 0.5 * rows.total() or any(len(part) > _LONGEST or len(part.split()) > _WORDS for part in rows):
        return False
    joined = Counter(part.strip() for text in texts if sign in text for part in text.split(sign) if part.strip())
    mixed = sum(count for part, count in joined.items() if len(company[part]) > 1)
    return mixed >= _MIXED * joined.total()


def sets(cells: Sequence[Any], form: str) -> Objects:
    """(n,) sorted tuples of different labels; of a missing cell an empty one.

    >>> sets(["a|b", None, ("b", "a", "b"), ""], "|").tolist()
    [('a', 'b'), (), ('a', 'b'), ()]
    """
    out = np.empty(len(cells), dtype=object)
    known: dict[Any, tuple[Any, ...]] = {}  # one object for equal cells
    for i, cell in enumerate(cells):
        found = known.get(cell)
        if found is None:
            found = known.setdefault(cell, _set(cell, form))
        out[i] = found
    return out


def _set(cell: Any, form: str) -> tuple[Any, ...]:
    if isinstance(cell, tuple):
        parts = [part for part in cell if part is not None and part != ""]
    elif isinstance(cell, str):
        parts = _parts(cell, form)
    else:
        parts = [] if cell is None or cell != cell else [cell]
    return tuple(sorted(set(parts), key=lambda part: (str(type(part)), part)))


def _parts(cell: str, form: str) -> list[Any]:
    """Return the labels written in a cell; among lists, what is none is a label."""
    text = cell.strip()
    if form == JSON and listed(text):
        found = python_literals.parsed(text)
        return [_named(part) for part in found if part not in (None, "")] if isinstance(found, list) else []
    if bare(form) != form and listed(text):
        text = text[1:-1]
    parts = text.split(bare(form)) if form not in ("", JSON) else [text]
    return [part.strip() for part in parts if part.strip()]


def _named(part: Any) -> Any:
    """Return a label as text; what is none stays to be seen: objects as JSON, lists as tuples."""
    if isinstance(part, list):
        return tuple(map(str, part))
    return json.dumps(part, ensure_ascii=False) if isinstance(part, dict) else str(part).strip()


def bare(form: str) -> str:
    """Return the sign between labels, of a form that has brackets around them, too: ``[,]``.

    >>> bare("[,]"), bare(";")
    (',', ';')
    """
    return form[1:-1] if len(form) > 2 and form[0] == "[" and form[-1] == "]" else form


def written(labels: Sequence[Any], form: str) -> str:
    """Return labels as one cell.

    >>> written(("a", "b"), "[,]"), written(("a", "b"), "|")
    ('[a,b]', 'a|b')
    """
    cell = bare(form).join(map(str, labels))
    return f"[{cell}]" if bare(form) != form else cell


def sign_for(labels: Collection[Any]) -> str:
    """Return the first sign that is in no label; "json" where each is in some."""
    return next((sign for sign in SIGNS if not any(sign in str(label) for label in labels)), JSON)
