"""The page: a record in, HTML out, section by section. One file, no link to outside, readable without the script."""

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from penna.errors import RunError
from penna.report import data_check, error_analysis, feature_importance, format, headline, sections
from penna.report.record import Record

#: A feather that is a pen.
LOGO = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" '
    'stroke-linejoin="round" aria-hidden="true"><path d="M20.5 3.5c-7 .3-12.3 3.6-14 9.6-.5 1.8-.7 3.3-.7 4.9 '
    '6.8.2 12.6-3.2 14-9.2.5-2 .7-3.6.7-5.3Z"/><path d="M15.5 8.5C11 12 7 16.5 3.5 21.5"/>'
    '<path d="M9.3 14.7h5.6"/></svg>'
)

#: Name in the row of links -> what draws the section, "" where the record has nothing for it.
SECTIONS: dict[str, Callable[[Record], str]] = {
    "Score": sections.score,
    "Data": sections.data,
    "Checks": data_check.section,
    "Leaderboard": sections.leaderboard,
    "Trade-offs": sections.trade_offs,
    "Search": sections.search,
    "Mistakes": error_analysis.section,
    "Importances": feature_importance.section,
    "Budget": sections.budget,
    "Skipped": sections.skipped,
    "Artifact": sections.artifact,
    "Settings": sections.settings,
}


def render(record: Record, path: Path) -> None:
    """Write the page to ``path``, whole or not at all. Raises RunError where it cannot be written."""
    write(render_page(record), path)


def write(page: str, path: Path) -> None:
    """Write a page into a file, whole or not at all. Raises RunError where it cannot be written."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(page, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise RunError(f"the report cannot be written to {path} ({error}): choose another place.") from error


def render_page(record: Record) -> str:
    """Return the whole page as a string."""
    drawn = {name: draw(record) for name, draw in SECTIONS.items()}
    drawn = {name: body for name, body in drawn.items() if body}
    links = "".join(f'<a href="#{name.lower()}">{name}</a>' for name in drawn)
    body = "".join(f'<section id="{n.lower()}"><h2>{n}</h2>{b}</section>' for n, b in drawn.items())
    title, when = record.get("title", "report"), record.get("created", "")[:16].replace("T", " ")
    top = top_of(title, when, _sentence(record), headline.tiles(record))
    return document(title, f"{top}<nav>{links}</nav><main>{body}</main>", record.get("version", ""))


def document(title: str, body: str, version: str) -> str:
    """Return a whole page around a body of HTML.

    The policy in its head forbids every request and every script but the page's own: a text that slipped through
    unescaped could not run.
    """
    css, js = ((files("penna.assets") / name).read_text("utf-8") for name in ("report.css", "report.js"))
    digest = base64.b64encode(hashlib.sha256(js.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Penna: {format.plain(title, 80)}</title><style>{css}</style></head>"
        f'<body><div class="wrap">{body}'
        f"<footer>Made by Penna {format.plain(version)}. One file; it loads nothing.</footer></div>"
        f"<script>{js}</script></body></html>\n"
    )


def top_of(title: str, when: str, sentence: str, more: str = "") -> str:
    """Return the head of a page: what it is about, and the one sentence that matters (HTML)."""
    return (
        f'<header class="top"><div class="brand">{LOGO}<b>penna</b><span class="when">{format.plain(when)}</span></div>'
        f'<h1>{format.quote(title, 120)}</h1><p class="lead">{sentence}</p>{more}</header>'
    )


def _sentence(record: Record) -> str:
    alone = "checks" in record and not record.get("trials")
    return data_check.sentence(record) if alone else headline.sentence(record)
