"""The report is one page that holds everything, loads nothing, and survives any text."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna import tasks
from penna.errors import RunError
from penna.report import charts, examine, profile, render, render_page
from penna.report.record import Record
from penna.report.svg import Scale
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial
from penna.testing import make_table

VOID = {"meta", "br", "wbr", "link", "img", "hr", "input"}


class Balance(HTMLParser):
    """Collects the elements of a page, and fails on tags that do not close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(page):
    """Balanced HTML, well-formed drawings without stray numbers, nothing from outside. Gives what the parser saw."""
    parser = Balance()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    drawings = re.findall(r"<svg.*?</svg>", page, re.S)
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        assert not re.search(r'="[^"]*\b(nan|inf)\b', re.sub(r'aria-label="[^"]*"', "", drawing))
    body = re.sub(r"<title>.*?</title>|<bdi.*?</bdi>", "", page, flags=re.S)
    assert not re.search(r"https?://|url\(|@import|<link|<iframe", body)
    assert all(name not in ("src", "srcset") and not name.startswith("on") for name, _ in parser.attributes)
    assert page.count("<script") == 1
    return parser


def table(texts, labels):
    return make_table(texts, labels, roles={"text": "text", "label": "target"}, target_name="label")


def trials():
    complete = {"state": State.COMPLETE, "folds": (0,), "score_std_errors": (0.01,), "predicted_seconds": 2.0}
    tuned = Recipe.of("finetune", encoder="/models/tiny", rate=2e-5)
    return [
        Trial(Recipe.of("linear", c=1.0), scores=(0.8,), size_mb=2.0, latency_ms=0.2, number=0, **complete),
        Trial(Recipe.of("linear", c=9.0), scores=(0.7,), size_mb=3.0, latency_ms=0.2, number=1, **complete),
        Trial(tuned, scores=(0.9,), size_mb=80.0, number=2, curve=((10, 0.5), (20, 0.9)), **complete),
        Trial(Recipe.of("linear", c=4.0), State.PRUNED, reason="behind the median", number=3),
        Trial(Recipe.of("frozen", encoder="big"), State.SKIPPED, reason="predicted 90 s, 20 s are left", number=4),
        Trial(Recipe.of("frozen", encoder="sick"), State.FAILED, reason="out of memory", seconds=1.0, number=5),
    ]


def record(texts=None, k=3, metric="accuracy", label="class {}") -> Record:
    n = 20 * k
    texts = texts or [f"text number {i}" for i in range(n)]
    texts = (texts * n)[:n]
    data = table(texts, [label.format(i % k) for i in range(n)])
    task = tasks.find("classification", data, metric)
    y = task.encode(data)
    outputs = np.random.default_rng(0).random((n, k)) + 0.6 * np.eye(k)[y]
    outputs /= outputs.sum(axis=1, keepdims=True)
    made: Record = {
        "title": "reviews.csv",
        "version": "0.1.0",
        "created": "2025-01-31T12:00:00",
        "command": "penna fit reviews.csv --target label",
        "seconds": 58.0,
        "settings": {"budget_seconds": 60.0, "budget_megabytes": 50.0, "families": ["linear", "frozen"], "folds": None},
        "task": task.name,
        "metric": metric,
        "table": profile(data, ["3 texts occur twice"]),
        "plan": {"train": n, "test": n, "folds": 1, "source": "held out"},
        "test": task.measure(y, outputs),
        "answers": examine(data, task.classes, y, outputs),
        "baselines": [
            {"name": "majority class", "score": -9.0 if metric == "log_loss" else 0.1},
            {"name": "first linear", "score": task.score(y, outputs) - 0.01, "low": 0.1, "high": 0.9},
        ],
        "trials": trials(),
        "chosen": {
            "name": "A fine-tuned tiny",
            "members": [{"number": 2, "recipe": "finetune[rate=2e-5]", "weight": 1.0}],
            "score": 0.9,
            "spread": 0.01,
        },
        "artifact": {"megabytes": 80.0, "milliseconds": 4.0, "batch": 64, "batch_milliseconds": 90.0}
        | {"parity": 1e-6, "same": 0.995},
        "encoders": [{"encoder": "tiny", "length": 64, "long": 0.02, "windows": 16, "truncated": 0.01}],
        "skipped": [{"what": "encoder huge", "reason": "not found: give a local folder"}],
        "phases": [{"phase": "baselines", "predicted": 2.0, "spent": 3.0}, {"phase": "export", "spent": 1.0}],
    }
    made["artifact"]["files"] = {"model.onnx": 79.0, "manifest.json": 0.001}
    return made


def test_the_page_has_every_section_and_loads_nothing():
    page = render_page(record())
    check(page)
    for part in (
        "Score",
        "Data",
        "Leaderboard",
        "Trade-offs",
        "Search",
        "Mistakes",
        "Budget",
        "Skipped",
        "Artifact",
        "Settings",
    ):
        assert f'<section id="{part.lower()}"><h2>{part}</h2>' in page
    for text in (
        "3 texts occur twice",
        "behind the median",
        "out of memory",
        "predicted 90 s, 20 s are left",
        "encoder huge",
        "Confusion matrix",
        "most confident mistakes",
        "Pareto front",
        "Learning curves",
        "over the 50.0\u202fMB allowed",
        "2.0\u202f% of the rows have more",
        "on the test rows".capitalize(),
        "differs by 1.0e-06 at most from the network that was trained",
        "for 99.5% of sample texts",
    ):
        assert text in page


def test_leaderboard_has_every_trial_and_marks_the_chosen():
    page = render_page(record())
    board = page[page.index('class="board"') :].split("</table>")[0]
    assert board.count("<tr class=") == len(trials())
    marked = [row for row in board.split("<tr ") if row.startswith('class="chosen"')]
    assert len(marked) == 1
    assert 'data-value="2"' in marked[0]


def test_a_record_survives_json():
    made = record()
    made["trials"] = [trial.to_json() for trial in trials()]
    assert render_page(json.loads(json.dumps(made))) == render_page(record())


def test_an_empty_record_is_a_page_all_the_same():
    check(render_page({}))
    check(render_page({"trials": [], "phases": [], "table": {}, "test": {}, "answers": {}}))


@pytest.mark.slow
@pytest.mark.parametrize("part", list(Record.__annotations__))
def test_any_part_of_the_record_may_be_missing(part):
    made = record()
    made.pop(part, None)
    check(render_page(made))


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "balanced_accuracy", "log_loss"])
def test_every_metric_has_its_sentence(metric):
    made = record(metric=metric)
    page = render_page(made)
    check(page)
    lead = page[page.index('class="lead"') :].split("</p>")[0]
    assert "unseen texts" in lead
    assert "80.0\u202fMB" in lead


def test_many_classes_get_a_table_of_confused_pairs():
    page = render_page(record(k=40))
    check(page)
    assert "Most confused pairs" in page
    assert "Confusion matrix" not in page
    assert "16 more classes between" in page


def test_texts_of_the_user_are_shown_and_never_run():
    nasty = [
        "<script>alert(1)</script>",
        "'\"><img src=x onerror=alert(1)>",
        "😀 👩‍👩‍👧",
        "שלום \u202e עולם",
        "a\x00b\ud800",
        "é" * 2_000_000,
    ]
    made = record(nasty, label="<b onclick=x>{}</b>")
    made["title"] = made["command"] = made["chosen"]["name"] = "</title><script>alert(2)</script>"
    made["settings"]["x<script>"] = "<script>"
    made["table"]["findings"] = ["<script>alert(3)</script>"]
    made["skipped"] = [{"what": "<script>", "reason": "<script>"}]
    page = render_page(made)
    seen = check(page).seen
    assert not {"img", "b onclick"} & seen
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "👩‍👩‍👧" in page
    assert "שלום" in page
    assert "…" in page
    assert len(page) < 300_000
    assert "\x00" not in page
    page.encode("utf-8")


@pytest.mark.slow
@given(st.text(st.characters(exclude_categories=[]), min_size=1))
@settings(max_examples=25, deadline=None)
def test_any_text_anywhere_leaves_the_page_whole(text):
    made = record([text, "another"])
    made["title"] = made["version"] = made["created"] = made["command"] = made["chosen"]["name"] = text
    made["table"]["classes"] = {text: 3, "b": 1}
    made["answers"]["classes"] = [text, "b", "c"]
    made["baselines"][0]["name"] = made["phases"][0]["phase"] = text
    made["trials"] = [
        Trial(Recipe.of(text, **{text: text}), State.FAILED, reason=text, phase=text, number=0),
        *trials(),
    ]
    check(render_page(made)).close()


numbers = st.one_of(st.none(), st.floats(0, 1e9, allow_nan=False))


@given(st.lists(st.tuples(st.floats(-20, 1), numbers, numbers, st.floats(0, 1e5)), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_figures_of_trials_can_be_drawn(rows):
    made = [
        Trial(
            Recipe.of("linear", c=float(i)),
            State.COMPLETE,
            (0,),
            (score,),
            (0.0,),
            seconds=seconds,
            size_mb=size,
            latency_ms=time,
            number=i,
            curve=((1, score), (2, score)),
        )
        for i, (score, size, time, seconds) in enumerate(rows)
    ]
    check(render_page({"trials": made, "metric": "log_loss"}))


def test_the_pareto_front_holds_what_no_cheaper_trial_beats():
    dots = [charts.Dot(x, y, "circle", "") for x, y in [(3, 0.9), (1, 0.5), (2, 0.4), (1, 0.6), (5, 0.9), (9, 0.95)]]
    assert [(dot.x, dot.y) for dot in charts.front(dots)] == [(1, 0.6), (3, 0.9), (9, 0.95)]


def test_ticks_are_round_numbers_inside_the_scale():
    assert Scale(0.803, 0.917, 0, 100).ticks() == [0.825, 0.85, 0.875, 0.9]
    assert Scale(0.5, 300, 0, 100, log=True).ticks() == [1, 10, 100]
    assert Scale(2, 9, 0, 100, log=True).ticks() == [2, 5]


def test_the_profile_counts_classes_and_lengths():
    made = profile(table(["a" * n for n in (1, 5, 5, 100)], ["x", "y", "y", "y"]), ["note"])
    assert made["classes"] == {"y": 3, "x": 1}
    assert sum(made["lengths"]["counts"]) == 4
    assert made["lengths"]["quantiles"]["50"] == 5
    check(render_page({"table": made}))
    check(render_page({"table": profile(table(["", ""], ["x", "y"]))}))
    check(render_page({"table": profile(table([], []))}))


def test_mistakes_are_sorted_by_confidence_and_name_their_row():
    data = table(["good", "sure and wrong", "wrong"], ["a", "b", "b"])
    outputs = np.array([[0.9, 0.1], [0.99, 0.01], [0.6, 0.4]], dtype=np.float32)
    answers = examine(data, ("a", "b"), np.array([0, 1, 1]), outputs)
    assert [m["row"] for m in answers["mistakes"]] == [2, 3]
    assert answers["mistakes"][0]["predicted"] == "a"
    assert answers["confusion"] == [(0, 0, 1), (1, 0, 2)]
    json.dumps(answers)


def test_the_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "report.html"
    render(record(), path)
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(RunError, match="cannot be written"):
        render(record(), path / "below a file.html")


def test_page_explains_terms_and_selection():
    best, other = (
        Trial(
            Recipe.of("linear", c=c),
            State.COMPLETE,
            folds=(0,),
            scores=(score,),
            score_std_errors=(0.01,),
            number=number,
        )
        for number, (c, score) in enumerate([(1.0, 0.9), (2.0, 0.8)])
    )
    chosen = {"name": "linear with temperature", "members": [{"number": 1, "recipe": "linear", "weight": 1.0}]}
    record = {"metric": "macro_f1", "trials": [best, other], "chosen": chosen, "artifact": {"megabytes": 1.0}}
    page = render_page({**record, "test": {"rows": 9, "macro_f1": [0.8, 0.7, 0.9]}})
    check(page)
    assert "A linear model" in page
    assert "a rare class counts" in page
    assert "so it is not #0." in page
    assert "Post-processing steps: temperature" in page
    assert "so it is not" not in render_page({**record, "chosen": {"members": [{"number": 0}]}})
