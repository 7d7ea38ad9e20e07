"""Pairs of texts in two languages of which one cannot be right. Looks at texts and a target of texts; no language."""

from penna.data.table import Finding
from penna.preprocessing import parallel_pairs
from penna.preprocessing.check_context import CheckContext

LOOKS_FOR = "pairs of texts that cannot be translations of one another"
NEEDS = ""


def find(sheet: CheckContext) -> list[Finding]:
    """Return copies, repeats, odd lengths, other scripts and swapped sides, where the target holds texts."""
    if not sheet.table.text or not parallel_pairs.sentences(sheet.table.target):
        return []
    return parallel_pairs.findings(sheet.table)
