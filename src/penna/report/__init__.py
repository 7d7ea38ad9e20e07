"""The report: one self-contained page from one record. Reads no file of a run, and knows no search, model or task.

>>> page = render_page({"title": "reviews.csv", "metric": "accuracy", "test": {"rows": 9, "accuracy": [0.9, 0.8, 1.0]}})
>>> page.startswith("<!doctype html>")
True

``profile`` and ``examine`` make the two parts of the ``Record`` that come from arrays; the rest are plain values (see
``record.py`` for every field).
"""

from penna.report.multilabel import examine_sets
from penna.report.page import render, render_page
from penna.report.record import Record, examine, examine_numbers, profile

__all__ = ["Record", "examine", "examine_numbers", "examine_sets", "profile", "render", "render_page"]
