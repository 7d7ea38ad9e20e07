"""Write the tables of options in docs/commands.md from FitConfig: ``python tools/option_table.py``."""

from pathlib import Path

from penna.fit_config import BUDGET, CHECK_BUDGET, DATA, OPTIONS, OUTPUT, SEARCH, Option

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
BEGIN, END = "<!-- Written by tools/option_table.py -->", "<!-- End of the options -->"
PANELS = {
    DATA: "Data options",
    BUDGET: "Budget options",
    SEARCH: "Search options",
    OUTPUT: "Output options",
    "": "Python only",
}
HEAD = "| command line | Python | default | `penna check` | sets |\n|---|---|---|---|---|\n"


def tables() -> str:
    """Return one table for each panel of ``penna fit --help``, and one for what is for Python only."""
    rows = {panel: [_row(option) for option in OPTIONS.values() if option.panel == panel] for panel in PANELS}
    return "\n\n".join(f"### {heading}\n{HEAD}" + "\n".join(rows[panel]) for panel, heading in PANELS.items())


def written(page: str) -> str:
    """Return the text of the page with the tables of today.

    Raises ValueError if the page has no place for them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}.")
    return f"{before}{BEGIN}\n{tables()}\n\n{END}{after}"


def _row(option: Option) -> str:
    flags = ", ".join(f"`{flag}`" for flag in option.flags) if option.panel else ""
    cells = (flags, f"`{option.name}`", _default(option), "yes" if option.in_check else "", option.help)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def _default(option: Option) -> str:
    if option.default is None or option.default == ():
        return ""
    value = ",".join(option.default) if isinstance(option.default, tuple) else option.default
    checks = f"; `check`: `{CHECK_BUDGET}`" if option.name == "budget" else ""
    return f"`{value}`{checks}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
