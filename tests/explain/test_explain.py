"""What moved an answer: exact where the model is linear, words in their own places, columns, pages, bad input."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from penna import AutoText, SettingError, TaskError, load, plugins, tasks
from penna.artifact import bundle
from penna.budget import Deadline, Resources
from penna.cli import app
from penna.data.table import Field, Table
from penna.explain import occlusion, permutation_importance, word_spans
from penna.explain.base import explain
from penna.explain.linear import slopes
from penna.features import ngrams
from penna.features.ngrams import Grams
from penna.models import pipeline
from penna.models.ensemble import Ensemble
from penna.postprocessing.class_weights import ClassWeights
from penna.postprocessing.isotonic import Isotonic
from penna.postprocessing.oos_threshold import OosThreshold
from penna.report import explanations, render_page
from penna.search.recipe import DatasetProfile, Recipe

GOOD, BAD = ["lovely", "fine", "warm"], ["awful", "poor", "thin"]
FACTS = {"text_columns": ["review"], "target": "kept", "columns": [{"name": "price", "role": "numeric", "form": ""}]}
CLEAN = "unicode+markup+spaces"


def shop(n: int = 240, seed: int = 0) -> Table:
    """Reviews and prices: kept where the words are good and the price is low."""
    draw = np.random.default_rng(seed)
    kept, price = draw.integers(0, 2, n), draw.uniform(0, 40, n)
    review = [f"<b>It</b> was a {draw.choice(GOOD if k else BAD)} coat, worn {i % 7} times" for i, k in enumerate(kept)]
    kept = np.where(price > 35, 0, kept)
    return Table(
        {"review": np.array(review, object)}, np.array(["yes" if k else "no" for k in kept], object),
        rows=np.arange(1, n + 1), target_name="kept",
        columns={"price": price}, fields={"price": Field("numeric")},
    )  # fmt: skip


def fitted(family: str, table: Table, task: tasks.Task, tmp: Path, **hyperparameters: object):
    profile = DatasetProfile(
        len(table), task.columns, 50, 40.0, output_kind=task.output_kind, columns=len(table.columns)
    )
    recipe: Recipe = plugins.find("models", family).portfolio(profile)[0].replace(**hyperparameters)
    resources = Resources(tmp, Deadline(120), 1)
    return plugins.find("models", family).fit(recipe, task, table, None, resources, lambda *_: True)


@pytest.fixture(scope="module")
def table() -> Table:
    return shop()


@pytest.fixture(scope="module")
def task(table: Table) -> tasks.Task:
    return tasks.find("classification", table)


@pytest.fixture(scope="module")
def linear(table: Table, task: tasks.Task, tmp_path_factory: pytest.TempPathFactory):
    hyperparameters = {"analyzer": "word+char", "low": 2, "high": 5}
    return fitted("linear", table, task, tmp_path_factory.mktemp("linear"), **hyperparameters)


@pytest.fixture(scope="module")
def run(linear, task: tasks.Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "model"
    family, model = pipeline.around("linear", linear, CLEAN)
    bundle.write(folder, task, family, model, FACTS)
    return folder


def asked(review: str, price: float = 20.0) -> Table:
    """One row."""
    columns = {"price": np.array([price])}
    return Table({"review": np.array([review], object)}, rows=np.array([3]), columns=columns,
                 fields={"price": Field("numeric")})  # fmt: skip


def added(found) -> float:
    """What all parts add to the margin, each counted once."""
    return sum(word.margin for word in found.words) + sum(p.margin for p in found.columns if not p.text)


# N-grams and words in their places


@given(st.text(alphabet="ab C'İß猫!\n\t é\x01Σ😀’", max_size=14), st.integers(0, 3), st.integers(1, 3))
def test_the_places_of_n_grams_are_those_that_are_counted(text: str, longest: int, high: int):
    grams = Grams(longest, 1, high)
    buckets, starts, ends = ngrams.places(text, grams)
    _, counted, times = ngrams.count([text], grams)
    found, several = np.unique(buckets, return_counts=True)
    assert (found.tolist(), several.tolist()) == (counted.tolist(), times.tolist())
    assert all(0 <= i < j <= len(text) for i, j in zip(starts, ends, strict=True))


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_clean_word_has_a_raw_origin(raw: str, cleaned: str):
    units, tokens, origin = word_spans.origins(raw, cleaned)
    assert len(tokens) == len(origin)
    assert all(-1 <= place < len(units) for place in origin)
    assert all(i < j for i, j in units)
    assert all(a[1] <= b[0] for a, b in pairwise(units))


def test_repaired_words_keep_their_positions():
    raw = "<p>I donâ€™t know</p>"
    units, tokens, origin = word_spans.origins(raw, "I don't know")
    assert [raw[slice(*units[place])] for place in origin] == ["I", "donâ€™t", "know"]
    assert len(tokens) == 3


def test_very_long_text_is_explained_in_groups_of_words():
    row = Table({"text": np.array([" ".join(["one two three."] * 5000)], object)}, rows=np.array([1]))
    (spans,) = occlusion._stretches(row).values()
    assert len(spans) <= 256
    assert spans[0][0] == 0
    assert spans[-1][1] == len(row.text["text"][0])


# Linear models, exactly


def test_contributions_and_the_intercept_are_the_margin(linear, task: tasks.Task):
    row = asked("a lovely but thin coat, and 猫 too")
    (found,) = explain(linear, task, row)
    assert found.how == "exact"
    assert found.intercept + added(found) == pytest.approx(found.margin, abs=1e-9)
    margin = float(np.log(found.output / (1 - found.output)))
    assert found.margin == pytest.approx(margin, abs=1e-3)
    (other,) = explain(linear, task, row, label="no" if found.label == "yes" else "yes")
    assert other.margin == pytest.approx(-found.margin)
    assert other.output == pytest.approx(1 - found.output, abs=1e-6)


def test_what_each_part_moved_leads_from_nothing_to_the_answer(linear, task: tasks.Task):
    for last in ((), (ClassWeights((1.0, 3.0)),), (Isotonic(((0.0, 0.4, 1.0),) * 2, ((0.1, 0.3, 0.9),) * 2),)):
        _, model = pipeline.around("linear", linear, CLEAN, last)
        (found,) = explain(model, task, asked("<b>It</b> was an awful coat"))
        assert found.how == "exact"
        moved = sum(word.moved for word in found.words) + sum(p.moved for p in found.columns if not p.text)
        assert found.base + moved == pytest.approx(found.output, abs=5e-3)
        assert found.output == pytest.approx(float(model.outputs(asked("<b>It</b> was an awful coat")).max()), abs=1e-5)


def test_out_of_scope_answer_is_explained(linear, task: tasks.Task):
    asks = replace(task, classes=("no", "yes", "other"), scope="other", taught=False)
    _, model = pipeline.around("linear", linear, last=(OosThreshold(2, 12.0, 1.0),))
    (found,) = explain(model, asks, asked("It was an awful coat"), label="other")
    assert (found.answer, found.how, found.margin) == ("other", "exact", None)
    assert min(found.words, key=lambda word: word.moved).text == "awful"
    (known,) = explain(model, asks, asked("It was an awful coat"), label="no")
    assert known.intercept + added(known) == pytest.approx(known.margin, abs=1e-9)


def test_words_are_those_of_the_text_as_it_was_given(linear, task: tasks.Task):
    _, model = pipeline.around("linear", linear, CLEAN)
    raw = "<i>Such</i>   an &quot;awful&quot;, donâ€™t  coat"
    (found,) = explain(model, task, asked(raw))
    assert all(raw[word.start : word.end] == word.text for word in found.words)
    assert max(found.words, key=lambda word: word.moved).text == "awful"
    assert found.intercept + added(found) == pytest.approx(found.margin, abs=1e-9)
    assert next(word.moved for word in found.words if word.text == "i") == 0


def test_uninformative_text_has_no_effect(linear, task: tasks.Task):
    (found,) = explain(linear, task, asked("", float("nan")))
    assert found.words == ()
    assert [part.value for part in found.columns] == ["", ""]


def test_requested_label_is_explained(tmp_path: Path):
    labels = ["rain", "snow", "wind"]
    texts = np.array([f"there is {labels[i % 3]} today {i}" for i in range(90)], object)
    table = Table({"text": texts}, np.array([labels[i % 3] for i in range(90)], object), rows=np.arange(1, 91))
    task = tasks.find("classification", table)
    model = fitted("linear", table, task, tmp_path)
    row = Table({"text": np.array(["much snow, little wind"], object)}, rows=np.array([1]))
    (found,) = explain(model, task, row, label="wind")
    assert (found.label, max(found.words, key=lambda w: w.moved).text) == ("wind", "wind")
    assert min(found.words, key=lambda w: w.moved).text == "snow"
    assert found.intercept + added(found) == pytest.approx(found.margin, abs=1e-9)
    with pytest.raises(SettingError, match="choose one of rain, snow, wind"):
        explain(model, task, row, label="hail")


@pytest.mark.parametrize("hyperparameters", [{"classifier": "ridge"}, {"classifier": "logistic", "bins": 5, "c": 10.0}])
def test_of_a_number_everything_is_in_its_own_units(hyperparameters: dict[str, object], table: Table, tmp_path: Path):
    worth = np.array([1000.0 + 50 * (w in GOOD) - p for t, p in zip(table.text["review"], table.columns["price"],
                      strict=True) for w in [t.split()[3]]], object)  # fmt: skip
    numbers = Table(table.text, worth, rows=table.rows, columns=table.columns, fields=table.fields)
    task = tasks.find("regression", numbers)
    model = fitted("linear", numbers, task, tmp_path, **hyperparameters)
    (found,) = explain(model, task, asked("It was a lovely coat, worn 3 times", 5.0))
    assert found.label is None
    assert found.how == "exact"
    assert found.output == pytest.approx(float(found.answer), abs=2)
    top = max(found.words, key=lambda word: word.moved)
    assert top.text == "lovely"
    assert top.moved > 5
    moved = sum(word.moved for word in found.words) + sum(p.moved for p in found.columns if not p.text)
    assert found.base + moved == pytest.approx(found.output, abs=0.5)
    with pytest.raises(SettingError, match="leave the label out"):
        explain(model, task, asked("It"), label="yes")


def test_slopes_of_a_curve_lead_from_its_start_to_its_end():
    start, end = np.array([0.0, 0.5]), np.array([3.0, -1.0])
    found = slopes(lambda z: np.tanh(z[:, 0]) + z[:, 1] ** 2, start, end)
    assert found @ (end - start) == pytest.approx(np.tanh(3) + 1 - 0.25, abs=1e-3)


# Any other model, by occlusion


class Counting:
    """A model that can be worked out by hand: an answer of several columns, of how often words stand in two texts."""

    def outputs(self, table: Table) -> np.ndarray:
        first, second = (np.array([t.split().count("yes") for t in cells]) for cells in table.text.values())
        return np.stack([np.minimum(0.1 + 0.2 * first, 1), 0.1 + 0.3 * second, 0.05 + 0 * first], 1).astype(np.float32)


def test_occlusion_works_for_any_model_of_pairs():
    texts = {"a": np.array(["yes and no"], object), "b": np.array(["no, yes yes"], object)}
    table = Table(texts, rows=np.array([1]))
    task = tasks.restore({"name": "multilabel", "metric": "macro_f1", "kind": "str", "form": "|",
                          "classes": ["first", "second", "third"]})  # fmt: skip
    (found,) = explain(Counting(), task, table)
    assert (found.label, found.how, found.answer) == ("second", "occlusion", ("second",))
    moved = {(w.column, w.start): w.moved for w in found.words}
    assert moved["b", 4] == moved["b", 8] > 0.2
    assert not any(by for (column, _), by in moved.items() if column == "a")
    assert {p.column: round(p.moved, 3) for p in found.columns} == {"a": 0.0, "b": 0.6}
    (other,) = explain(Counting(), task, table, label="first")
    assert max(other.words, key=lambda w: w.moved).column == "a"


def test_trees_and_blends_are_explained_through_all_their_stages(
    table: Table, task: tasks.Task, linear, tmp_path: Path
):
    trees = fitted("trees", table, task, tmp_path, text="none", least=5)
    (found,) = explain(trees, task, asked("a lovely coat", 39.0))
    assert (found.answer, found.how) == ("no", "occlusion")
    assert {p.column: p.moved > 0.05 for p in found.columns} == {"review": False, "price": True}
    assert next(p.value for p in found.columns if p.column == "price") == "39"
    _, part = pipeline.around("linear", linear, CLEAN)
    (both,) = explain(Ensemble([("trees", 0.3, trees), ("pipeline", 0.7, part)]), task, asked("an awful coat", 39.0))
    assert max(both.words, key=lambda word: word.moved).text == "awful"
    assert next(p.moved for p in both.columns if p.column == "price") > 0.01


def test_answers_that_are_no_labels_and_no_numbers_are_refused(task: tasks.Task):
    class Other:
        def outputs(self, table: Table) -> np.ndarray:
            return np.zeros((len(table), 5), np.float32)

    with pytest.raises(TaskError, match="only labels and numbers"):
        explain(Other(), task, asked("a coat"))


def test_encoder_artifact_is_explained_without_torch(tiny_bert: Path, tmp_path: Path):
    labels = ["money", "film"]
    texts = np.array([("the card is lost" if i % 2 else "a good story") + " my" * (i % 5) for i in range(80)], object)
    table = Table({"text": texts}, np.array([labels[(i + 1) % 2] for i in range(80)], object), rows=np.arange(1, 81))
    task = tasks.find("classification", table)
    profile = DatasetProfile(80, 2, 40, 20.0, encoders=(str(tiny_bert),))
    frozen = plugins.find("models", "frozen")
    resources = Resources(tmp_path / "cache", Deadline(120), 1)
    model = frozen.fit(frozen.portfolio(profile)[0], task, table, None, resources, lambda *_: True)
    bundle.write(tmp_path / "model", task, "frozen", model, {"text_columns": ["text"], "target": "label"})
    code = (
        "import sys, penna\n"
        f"found = penna.load({str(tmp_path / 'model')!r}).explain(['the card is lost'])[0]\n"
        "print([w.text for w in found.words], found.how, 'torch' in sys.modules, 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['the', 'card', 'is', 'lost'] occlusion False False"


# The artifact, the command line, the page


def test_artifact_explains_lists_frames_and_files(run: Path, tmp_path: Path):
    opened = load(run)
    frame = pd.DataFrame({"review": ["an awful coat", "a fine coat"], "price": ["39", "n/a"]})
    found = opened.explain(frame)
    assert [each.answer for each in found] == ["no", "yes"]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    assert opened.explain(tmp_path / "rows.csv") == found
    with pytest.warns(UserWarning, match="price"):
        opened.explain(["a fine coat"])


def penna(*arguments: object, typed: str | None = None):
    return CliRunner().invoke(app, ["explain", *map(str, arguments)], input=typed)


def test_command_shows_what_moved_each_answer(run: Path, tmp_path: Path):
    rows = tmp_path / "rows.csv"
    rows.write_text("review,price\nan awful coat,39\na fine coat,2\na coat,3\n", encoding="utf-8")
    said = penna(run, rows, "--rows", 2)
    assert said.exit_code == 0
    assert said.stdout.count("row ") == 2
    assert "words: awful +" in said.stdout
    assert "price = 39" in said.stdout
    assert "only the first 2 rows" in said.stderr
    found = json.loads(penna(run, rows, "--json", "--label", "yes").stdout)
    assert [each["label"] for each in found] == ["yes"] * 3
    assert found[0]["words"][1]["text"] == "awful"
    assert found[0]["words"][1]["moved"] < 0
    typed = penna(run, "-", typed=rows.read_text(encoding="utf-8"))
    assert typed.stdout.startswith("row 1: no ")


@pytest.mark.parametrize(
    ("content", "more", "sentence"),
    [
        ("review,price\na coat,3\n", ["--label", "perhaps"], "there is no label 'perhaps': choose one of no, yes."),
        ("something,price\na coat,3\n", [], "review"),
        ("", [], "rows.csv"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(run: Path, tmp_path: Path, content, more, sentence):
    (tmp_path / "rows.csv").write_text(content, encoding="utf-8")
    said = penna(run, tmp_path / "rows.csv", *more)
    assert said.exit_code == 2
    assert sentence in said.stderr
    assert said.stderr.count("\n") == 1


def test_the_page_is_one_file_in_which_no_text_can_run(run: Path, tmp_path: Path):
    evil = "an awful <script>alert(1)</script> coat\u202e & \x00"
    with pytest.warns(UserWarning, match="NUL characters"):
        found = load(run).explain(pd.DataFrame({"review": [evil, ""], "price": ["", "3"]}))
    explanations.render("rows.csv", [each.to_json() for each in found], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<mark") > 2
    assert "missing" in page
    assert "(empty)" in page


# Over many rows


def test_what_the_score_loses_when_a_column_is_shuffled(linear, table: Table, task: tasks.Task):
    losses = permutation_importance.of_columns(linear.outputs, task, table, task.encode(table), Deadline(60))
    assert [loss.column for loss in losses] == ["review", "price"]
    assert losses[0].lost > 0.2
    assert losses[0].lost > losses[1].lost >= 0
    alone = Table(table.text, table.target, rows=table.rows)
    assert permutation_importance.of_columns(linear.outputs, task, alone, task.encode(table), Deadline(60)) == []


def test_columns_are_not_shuffled_beyond_the_deadline(linear, table: Table, task: tasks.Task):
    reason = permutation_importance.of_columns(linear.outputs, task, table, task.encode(table), Deadline(0.0))
    assert "longer --budget" in reason


def test_n_grams_of_each_label_come_from_the_rows(linear, table: Table, task: tasks.Task):
    cleaned = pipeline.around("linear", linear, CLEAN)[1].cleaning(table)
    no, yes = linear.strongest(cleaned, 3)
    assert {gram for gram, _ in no} & {*BAD, *(f"{w} coat" for w in BAD), *(f"a {w}" for w in BAD)}
    assert not {gram for gram, _ in yes} & {*BAD}
    assert all(share > 0 for _, share in (*no, *yes))
    assert sum(share for _, share in linear.strongest(cleaned, 10_000)[0]) <= 1.001


def test_report_shows_what_a_run_relies_on(tmp_path: Path):
    class Enough:
        def event(self, kind: str, **data: object) -> None:
            if kind == "trial_end":
                raise KeyboardInterrupt

    rows = shop()
    frame = pd.DataFrame({"review": rows.text["review"], "price": rows.columns["price"], "kept": rows.target})
    auto = AutoText(budget=120, families=("linear",), n_jobs=1, out=tmp_path / "run", progress=Enough())
    auto.fit(frame, "kept")
    made = auto.record_["importances"]
    assert {each["column"] for each in made["columns"]} == {"review", "price"}
    assert [each["label"] for each in made["grams"]] == ["no", "yes"]
    page = render_page(auto.record_)
    assert "lost where a column is shuffled" in page
    assert "Words that speak for each answer" in page
    numbers = {"importances": {"grams": [{"label": "", "grams": [["up", 0.2], ["down", -0.1]]}], "member": "linear"}}
    assert "higher" in render_page(numbers)
    assert "lower" in render_page(numbers)
