"""Text lengths: extreme texts, and the share that an encoder would truncate."""

import numpy as np

from penna.data.arrays import Array
from penna.data.table import Finding, Table
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.data_findings import FEW, of_rows, percent, quoted

LOOKS_FOR = "length outliers, and texts that an encoder would truncate"
NEEDS = ""

LONG_CELL = 100_000
#: Encoders read this many tokens of a text by default; most cannot read more than four times that.
USUAL_TOKENS, MOST_TOKENS = 128, 512
_TOKENS_PER_WORD = 1.35  # for English prose with punctuation, in BERT's vocabulary; more in other languages
_FENCE = 3.0
_FACTOR = 4.0


def find(sheet: CheckContext) -> list[Finding]:
    """Report cells beyond 100,000 characters, texts far longer than the rest, and the truncated share."""
    lengths = np.fromiter(map(len, sheet.table.full_text), np.int64, len(sheet))
    return [*very_long(sheet.table, sheet.as_is), *_outliers(sheet, lengths), *_cut(sheet)]


def very_long(table: Table, as_is: bool = False) -> list[Finding]:
    """Report cells beyond 100,000 characters. ``as_is``: parts of texts are predicted, so each is read whole."""
    long = np.zeros(len(table), dtype=bool)
    for cells in table.text.values():
        long |= np.fromiter(map(len, cells), np.int64, len(cells)) > LONG_CELL
    return of_rows(
        "long text", f"texts with more than {LONG_CELL:,} characters", table.rows[long],
        does="keeps them, and reads each one whole" if as_is
        else "keeps them; encoders read the beginning in windows, linear models read all",
        change="cut or split them in the file",
    )  # fmt: skip


def _outliers(sheet: CheckContext, lengths: Array) -> list[Finding]:
    """Report lengths beyond Tukey's outer fence of the logarithms (1977) and four times the median."""
    positive = lengths[lengths > 0]
    if len(positive) < 20:
        return []
    low, middle, high = np.quantile(np.log(positive), [0.25, 0.5, 0.75])
    far = (np.log(np.maximum(lengths, 1)) > high + _FENCE * (high - low)) & (lengths > _FACTOR * np.exp(middle))
    far &= lengths <= LONG_CELL
    place = np.flatnonzero(far)
    place = place[np.argsort(-lengths[place], kind="stable")]
    examples = [
        f"row {sheet.rows[i]}: {lengths[i]:,} characters, {quoted(sheet.table.full_text[i])}" for i in place[:FEW]
    ]
    return of_rows(
        "length outlier", f"texts far longer than the rest (median {np.exp(middle):,.0f} characters)",
        sheet.rows[np.sort(place)], "info", of=len(sheet), examples=examples,
        does="keeps them", change="check whether rows were merged; cut or split them in the file",
    )  # fmt: skip


def _cut(sheet: CheckContext) -> list[Finding]:
    """Report truncation by the encoder's own tokenizer if there is one, else by a guess from words."""
    if sheet.reach is not None:
        tokens, most, who, about = sheet.reach.tokens, sheet.reach.limit, sheet.reach.encoder, ""
    else:
        tokens, most, who, about = 2 + _TOKENS_PER_WORD * sheet.words.lengths, MOST_TOKENS, "an encoder", "about "
    usual = min(USUAL_TOKENS, most)
    if np.mean(tokens > usual) < 0.01:
        return []
    words = f"texts of more than {usual} tokens, {about}what {who} reads by default"
    beyond = f"{about}{percent(float(np.mean(tokens > most)))} are longer than the {most} that it can read at most"
    return of_rows(
        "truncated text", words, sheet.rows[tokens > usual], "info", of=len(sheet), examples=[beyond],
        does="tries several lengths in the search, 256 or 384 tokens at most; what is longer is read by windows"
        + ("" if sheet.as_is else ", at most 16 of a text")
        + ", and the report says how many rows were",
        change="linear models (--families linear) read the whole text",
    )  # fmt: skip
