"""Parallel corpora: pairs in which one side cannot be a translation."""

from penna.data.table import Finding
from penna.preprocessing import parallel_pairs
from penna.preprocessing.check_context import CheckContext

LOOKS_FOR = "pairs of texts that cannot be translations of one another"
NEEDS = ""


def find(sheet: CheckContext) -> list[Finding]:
    """Report copies, repeats, odd lengths, other scripts and swapped sides, if the target holds texts."""
    if not sheet.table.text or not parallel_pairs.sentences(sheet.table.target):
        return []
    return parallel_pairs.findings(sheet.table)
