"""Weights of rows: what is refused, what they mean to each family, and that they are no feature."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits
from typer.testing import CliRunner

from penna import AutoText, PennaError, TableError, check, plugins, tasks
from penna.automl import families, inputs
from penna.budget import Deadline, Resources
from penna.cli import app
from penna.data import ragged, word_offsets
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.fit_config import FitConfig
from penna.heads import heads
from penna.heads.links import SIGMOID, Target
from penna.models.base import get_family
from penna.models.finetune import batches as parts
from penna.models.linear import classifiers, multilabel
from penna.models.seq2seq import batches
from penna.preprocessing import label_noise, sample_weights
from penna.preprocessing.label_noise import LabelNoise
from penna.search.recipe import DatasetProfile, Recipe
from penna.solvers.logistic import fit_logistic
from penna.solvers.ridge import fit_ridge
from penna.solvers.svr import fit_svr
from penna.training import loop, losses

RNG = np.random.default_rng(0)
TIMES = RNG.integers(1, 4, 60)
TWICE = np.repeat(np.arange(60), TIMES)


def table(n=24, **more):
    texts = np.array([f"{('good', 'bad')[i % 2]} film number {i}" for i in range(n)], object)
    target = np.array(["pos", "neg"] * (n // 2), object)
    return Table({"text": texts}, target, rows=np.arange(1, n + 1), roles={"text": "text", "label": "target"}, **more)


def frame(n=40, **more):
    made = table(n)
    return pd.DataFrame({"text": made.text["text"], "label": made.target, **more})


def read(source, y="label", sample_weight=None, **named):
    config = FitConfig(
        **{f"{role}_column" if role == "weight" else f"{role}_columns": name for role, name in named.items()}
    )
    return inputs.read(source, y, config, sample_weight)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([1.0] * 23, "24 rows, but 23 weights"),
        ([1.0] * 23 + [None], "no weight in row 24"),
        ([np.nan, *[1.0] * 22, np.nan], "no weight in rows 1, 24"),
        ([""] * 24, "no weight in rows 1, 2, 3, 4, 5 and 19 more"),
        ([1.0, -0.5, *[1.0] * 22], "below 0 in row 2, such as -0.5"),
        ([np.inf] + [1.0] * 23, "no number in row 1, such as inf"),
        (["much"] * 24, "no number in rows 1, 2, 3, 4, 5 and 19 more, such as 'much'"),
        ([1j] * 24, "no number"),
        ([10**400] * 24, "no number"),
        ([[1.0]] * 24, "no number"),
        ([0.0] * 24, "0 in all 24 rows"),
        (np.ones((24, 1)), "2 dimensions"),
        (pd.DataFrame({"w": [1.0] * 24}), "2 dimensions"),
        (np.array(["2026-01-01"] * 24, "datetime64[D]"), "no number"),
        (2.0, "pass one number per row"),
        (b"1" * 24, "pass one number per row"),
        ({"a": 1}, "pass one number per row"),
        (object(), "pass one number per row"),
    ],
)
def test_what_is_no_weight_is_refused_by_row(wrong, words):
    with pytest.raises(TableError, match=words):
        sample_weights.weighed(table(), wrong)


@pytest.mark.parametrize(
    "given",
    [
        [1, 2] * 12, tuple([1.0, 2.0] * 12), np.array([1, 2] * 12, np.int8), ["1", "2.0"] * 12,
        pd.Series([1.0, 2.0] * 12, index=range(5, 29)), pd.array([1, 2] * 12, dtype="Int64"),
        np.array([1, 2] * 12) * 1e-300, np.array([1, 2] * 12) * 1e300,
    ],
    ids=repr,
)  # fmt: skip
def test_only_proportions_count(given):
    weighed, _ = sample_weights.weighed(table(), given)
    assert weighed.sample_weight.tolist() == pytest.approx([2 / 3, 4 / 3] * 12)
    assert weighed.sample_weight.dtype == np.float32


@given(st.lists(st.floats() | st.integers() | st.none() | st.text(max_size=3) | st.booleans(), min_size=8, max_size=8))
def test_any_weights_are_weights_or_one_sentence(given):
    try:
        weighed, _ = sample_weights.weighed(table(8), given)
    except TableError:
        return
    positive = [i for i, weight in enumerate(given, 1) if float(weight) > 0]
    assert weighed.rows.tolist() == positive
    if weighed.sample_weight is not None:
        assert np.isfinite(weighed.sample_weight).all()
        assert weighed.sample_weight.mean() == pytest.approx(1, rel=1e-3)
        assert weighed.sample_weight.min() > 0


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    rows = frame(40)
    flipped = np.arange(40) % 8 == 3
    spoilt = rows.assign(label=np.where(flipped, "neg", rows.label), w=np.where(flipped, 0, 5))
    weighed, _, found = read(spoilt, weight="w")
    plain, _, _ = read(rows[~flipped])
    assert weighed.fingerprint == plain.fingerprint
    assert "rows left out for a weight of 0: 5" in next(f.message for f in found if f.kind == "zero weight")
    given, _, _ = read(spoilt.drop(columns="w"), sample_weight=spoilt.w)
    assert given.fingerprint == plain.fingerprint


def test_a_run_of_other_weights_is_another_run():
    one, two = (read(frame(w=[1, *[w] * 39]), weight="w")[0].fingerprint for w in (2, 3))
    assert len({one, two, read(frame())[0].fingerprint}) == 3


@pytest.mark.parametrize("kind", ["frame", "csv", "jsonl", "parquet", "stream"])
def test_a_column_of_weights_is_no_feature_and_keeps_its_rows(kind, tmp_path):
    """Rows of weight 0 and an empty text are left out; what stays has its own weight."""
    rows = frame(40, w=[0, *range(1, 40)], age=list(range(40)))
    rows.loc[5, "text"] = ""
    rows.loc[5, "age"] = None
    path = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        rows.to_parquet(path)
    elif kind == "jsonl":
        rows.to_json(path, orient="records", lines=True)
    elif kind != "frame":
        rows.to_csv(path, index=False)
    source = {"frame": rows, "stream": io.BytesIO(path.read_bytes() if kind == "stream" else b"")}.get(kind, path)
    found, _, said = read(source, weight="w", ignore="age")
    assert list(found.columns) == []
    assert found.roles["w"] == "weight"
    assert found.rows.tolist() == [i for i in range(2, 41) if i != 6]
    assert found.sample_weight == pytest.approx((found.rows - 1) / np.mean(range(1, 40)), rel=1e-5)
    assert any(f.kind == "weights" and "from 1 to 39" in f.message for f in said)


def test_the_star_leaves_out_all_columns_but_the_weight():
    found, _, _ = read(frame(w=range(1, 41), age=range(40)), weight="w", ignore="*")
    assert not found.columns
    assert found.sample_weight is not None


def test_a_weight_is_named_once():
    rows = frame(w=range(40))
    for options, words in (
        ({"group_column": "w"}, "named twice"),
        ({"numeric_columns": "w"}, "one role"),
        ({"text": "w"}, "twice"),
    ):
        with pytest.raises(TableError, match=words):
            AutoText(weight_column="w", **options).fit(rows, "label")
    with pytest.raises(TableError, match="weights come from both"):
        AutoText(weight_column="w").fit(rows, "label", sample_weight=[1] * 40)
    with pytest.raises(TableError, match="both named as the weight"):
        AutoText(weight_column="w").fit(rows.assign(v=1), "label", "v")
    with pytest.raises(TableError, match="0 in all 40 rows"):
        AutoText().fit(rows.assign(w=0), "label", "w")
    with pytest.raises(TableError, match="no column 'v'"):
        AutoText(weight_column="v").fit(rows, "label")


def test_subsets_and_doubts_keep_the_weight_of_their_rows():
    weighed, _ = sample_weights.weighed(table(), np.arange(1, 25))
    assert weighed.take(np.array([5, 3])).sample_weight.tolist() == weighed.sample_weight[[5, 3]].tolist()
    doubts = LabelNoise(np.linspace(0, 0.5, 24, dtype=np.float32), np.zeros(24, int), np.zeros(24))
    assert np.allclose(
        label_noise.apply_treatment(weighed, doubts, "weight").sample_weight,
        weighed.sample_weight * (1 - doubts.chance),
    )
    assert np.allclose(label_noise.apply_treatment(weighed, doubts, "keep").sample_weight, weighed.sample_weight)


def test_weighted_solvers_match_scikit_learn_and_repeated_rows():
    X = RNG.normal(size=(60, 5)).astype(np.float32)
    y = (X[:, 0] + RNG.normal(size=60) > 0).astype(np.int64)
    mine = fit_logistic(X, y, 2, c=0.5, weights=TIMES, tol=1e-8)
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(X, y, TIMES)
    assert np.allclose(mine.coef, theirs.coef_, atol=1e-3)
    number = (X @ np.arange(5) + RNG.normal(size=60)).astype(np.float32)
    mine = fit_ridge(X, number, alpha=2.0, weights=TIMES, tol=1e-7)
    theirs = Ridge(alpha=2.0).fit(X, number, TIMES)
    assert np.allclose(mine.coef, theirs.coef_, atol=1e-3)
    assert np.allclose(mine.intercept, theirs.intercept_, atol=1e-3)
    one, two = fit_svr(X, number, weights=TIMES, tol=1e-7), fit_svr(X[TWICE], number[TWICE], tol=1e-7)
    assert np.allclose(one.coef, two.coef, atol=1e-3)


SPARSE = csr_matrix(np.abs(RNG.normal(size=(60, 8)) * (RNG.random((60, 8)) < 0.5)), dtype=np.float32)
CLASSES = RNG.integers(0, 3, 60)


class Plenty:
    """Resources of a fit without a deadline."""

    threads = 1
    deadline = None


@pytest.mark.parametrize("more", [{}, {"balanced": True}, {"nb": True}, {"balanced": True, "nb": True}])
def test_a_weight_of_two_is_a_row_twice_for_linear_classifiers(more, monkeypatch):
    monkeypatch.setattr(classifiers, "TOLERANCE", 1e-8)
    recipe = Recipe.of("linear", classifier="logistic", c=3.0, **more)
    args = (3, recipe, Plenty)
    one = classifiers.fit_classifier(SPARSE, CLASSES, *args, TIMES.astype(np.float32))
    two = classifiers.fit_classifier(SPARSE[TWICE], CLASSES[TWICE], *args)
    assert np.allclose(one.margins(SPARSE), two.margins(SPARSE), atol=0.02)


@pytest.mark.parametrize("more", [{}, {"balanced": True}, {"nb": True}])
def test_a_weight_of_two_is_a_row_twice_for_several_labels(more, monkeypatch):
    monkeypatch.setattr(multilabel, "TOLERANCE", 1e-8)
    y = (RNG.random((60, 4)) < 0.4).astype(np.float32)
    recipe = Recipe.of("linear", classifier="logistic", c=3.0, **more)
    target = Target(y, 4, "binary_cross_entropy", SIGMOID, TIMES.astype(np.float32))
    one, _ = multilabel.fit(SPARSE, target, recipe, Plenty)
    two, _ = multilabel.fit(SPARSE[TWICE], replace(target, weights=None).take(TWICE), recipe, Plenty)
    assert np.allclose(one.margins(SPARSE), two.margins(SPARSE), atol=0.02)


def test_sums_and_calibration_count_rows_by_weight():
    weight, margins = TIMES.astype(np.float32), RNG.normal(size=(60, 3)).astype(np.float32)
    one = classifiers.complement_nb(SPARSE, CLASSES, 3, 0.5, weight)
    two = classifiers.complement_nb(SPARSE[TWICE], CLASSES[TWICE], 3, 0.5)
    assert np.allclose(one.coef, two.coef, atol=1e-5)
    one, two = (
        classifiers.calibrate(margins, CLASSES, weight),
        classifiers.calibrate(margins[TWICE], CLASSES[TWICE]),
    )
    assert np.allclose(one[0], two[0], rtol=1e-2)
    assert np.allclose(one[1], two[1], atol=1e-2)
    y = (RNG.random((60, 3)) < 0.4).astype(np.float32)
    assert np.allclose(multilabel.balance(y, weight)[TWICE], multilabel.balance(y[TWICE]), rtol=1e-5)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_copies_of_rows_equal_weights(given):
    weight = np.array(given) / np.mean(given)
    taken = sample_weights.copies(weight)
    assert len(taken)
    assert len(taken) <= 3 * len(weight) + 1
    if weight.max() > 1:
        counts = np.bincount(taken, minlength=len(weight))
        assert np.abs(counts - weight * len(taken) / weight.sum()).max() <= 1.01


def test_neighbours_vote_as_often_as_they_weigh():
    vectors = np.repeat(np.eye(2, dtype=np.float32), 2, axis=0) + 0.01 * RNG.normal(size=(4, 2)).astype(np.float32)
    y = np.array([0, 1, 1, 0])  # at each of two places one row of each class
    taken = sample_weights.copies(np.array([1.8, 0.2, 1.8, 0.2]))
    scaling = heads.Scaling.fitted(vectors, "unit")
    head = heads.fit_neighbours(vectors[taken], y[taken], 2, scaling, 3, 0)
    assert head.outputs(np.eye(2, dtype=np.float32)).argmax(axis=1).tolist() == [0, 1]


def test_network_weights_rows_over_the_whole_table():
    rows = loop.Rows(np.ones(4, int), lambda index: {}, np.zeros(4, int), None, np.array([8.0, 8.0, 0.5, 0.5]))
    assert rows.shares.mean() == pytest.approx(1)
    import torch

    each, light = torch.ones(2), torch.from_numpy(rows.shares[2:])
    assert float(losses.believed(each, light)) == pytest.approx(0.5 / 4.25)
    assert parts.class_weights(np.array([0, 0, 1]), 2, "balanced", np.array([1.0, 1.0, 2.0])) == (1.0, 1.0)


def test_target_tokens_have_the_weight_of_their_row():
    from penna.encoders.tokens import Ragged

    target = Ragged(np.arange(5, dtype=np.int32), np.array([0, 2, 5]), 0)
    shares = batches.Spread(target, np.array([1.0, 3.0]))
    assert shares[np.array([1, 0])].tolist() == pytest.approx([3 / 2.2] * 3 + [1 / 2.2] * 2)


def test_families_without_sample_weights_are_reported():
    weighed, _ = sample_weights.weighed(table(), np.arange(1, 25))
    told = []

    class Listener:
        def event(self, kind, **data):
            told.append(data)

    (found,) = families.weight_findings(["linear", "translation_memory", "seq2seq"], weighed, Listener())
    assert "translation_memory" in found.message
    assert told[0]["reason"] == found.message
    assert families.weight_findings(["translation_memory"], table(), Listener()) == []
    assert not get_family("translation_memory").SUPPORTS_SAMPLE_WEIGHT
    assert get_family("linear").SUPPORTS_SAMPLE_WEIGHT


def test_sample_weights_pass_through_cv_and_pipelines():
    """What is wrong with a part of the weights is stated with the rows of that part: they came through, cut alike."""
    X, y = frame(40).text.to_numpy(), frame(40).label.to_numpy()
    some = np.where(np.arange(40) < 20, 0.0, np.nan)
    folds = [(np.arange(20), np.arange(20, 40))]
    with pytest.raises(TableError, match="0 in all 20 rows"):
        cross_val_score(AutoText(), X, y, cv=folds, params={"sample_weight": some}, error_score="raise")
    with config_context(enable_metadata_routing=True):
        auto = AutoText().set_fit_request(sample_weight=True)
        with pytest.raises(TableError, match="0 in all 20 rows"):
            cross_val_score(auto, X, y, cv=folds, params={"sample_weight": some}, error_score="raise")
    with pytest.raises(TableError, match=r"no weight in rows 21, 22.* and 15 more"):
        Pipeline([("auto", AutoText())]).fit(X, y, auto__sample_weight=some)
    with pytest.raises(TableError, match="in rows 21"):
        AutoText().fit(X, y, some)  # where scikit-learn's estimators take it


@pytest.mark.slow
def test_weighted_fit_follows_weights_and_cli_reports_them(tmp_path):
    """Each text stands there with both labels; the weights say which is meant."""
    texts = [
        f"{('sunny', 'rainy')[i % 2]} day in {city}" for city in ("Rome", "Oslo", "Lima", "Bern") for i in range(30)
    ]
    told = [("sun", "rain")[i % 2] for i in range(120)]
    other = [("rain", "sun")[i % 2] for i in range(120)]
    rows = pd.DataFrame({"text": [*texts, *texts], "label": [*told, *other], "w": [5] * 120 + [0.1] * 120})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    command = ["fit", str(tmp_path / "rows.csv"), "--target", "label", "--weight-column", "w", "--budget", "6s"]
    ran = CliRunner().invoke(app, [*command, "--families", "linear", "--out", str(tmp_path / "run")])
    assert ran.exit_code == 0, ran.output
    from penna import load

    bundle = load(tmp_path / "run")
    assert bundle.predict(["sunny day in Rome", "rainy day in Oslo"]).tolist() == ["sun", "rain"]
    assert list(bundle.fields) == []
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "rows weigh from 0.1 to 5 in training" in page
    assert "scores count every row once" in page


def test_a_score_can_be_weighed_and_refuses_what_is_no_weight():
    class Fitted(AutoText):
        def predict(self, X):
            return np.array(["a"] * len(X))

        def _fitted(self):
            return type(
                "B", (), {"task": plugins.find("tasks", "classification").Classification(("a", "b"), "accuracy", str)}
            )

    auto = Fitted()
    assert auto.score(["x", "y"], ["a", "b"]) == 0.5
    assert auto.score(["x", "y"], ["a", "b"], [3, 1]) == 0.75
    for wrong in ([1], [1, None], [0, 0], "w", 1.0):
        with pytest.raises(PennaError):
            auto.score(["x", "y"], ["a", "b"], wrong)


@pytest.mark.slow
def test_check_knows_the_column_of_weights():
    rows = frame(40, w=[0, *range(1, 40)])
    found = check(rows, "label", weight_column="w", budget=5)
    assert found.rows == 39
    assert found.columns["w"] == "weight"
    assert {"zero weight", "weights"} <= {finding.kind for finding in found.findings}
    with pytest.raises(TableError, match="no number"):
        check(rows.assign(w="heavy"), "label", weight_column="w")


def fitted(family, recipe, rows, task, folder):
    resources = Resources(folder, Deadline(300), 1)
    with threadpool_limits(1):
        return plugins.find("models", family).fit(recipe, task, rows, None, resources, lambda *_: True)


def both(made, other, weight):
    """Each row twice, with its own target and with another, weighed like these two."""
    texts = {name: np.concatenate([cells, cells]) for name, cells in made.text.items()}
    rows, each = np.arange(1, 2 * len(made) + 1), np.repeat(weight, len(made)).astype(np.float32)
    return replace(made, text=texts, target=np.concatenate([made.target, other]), rows=rows, sample_weight=each)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["linear", "trees", "finetune"])
def test_a_family_follows_the_heavier_of_two_labels(family, tiny_bert, tmp_path):
    made = table(60)
    task = tasks.find("classification", made, "accuracy")
    profile = DatasetProfile(
        120,
        2,
        60,
        20.0,
        output_kind=OutputKind.CLASS_PROBABILITIES,
        encoders=(str(tiny_bert),),
        columns=family == "trees",
    )
    recipe = plugins.find("models", family).portfolio(profile)[0]
    recipe = recipe.replace(lr=3e-3, epochs=8) if family == "finetune" else recipe
    other = np.where(made.target == "pos", "neg", "pos").astype(object)
    for weight, share in (((1.9, 0.1), 1.0), ((0.1, 1.9), 0.0)):
        model = fitted(family, recipe, both(made, other, weight), task, tmp_path)
        assert task.score(task.encode(made), model.outputs(made)) == share


def test_a_field_follows_the_heavier_of_two_taggings(tmp_path):
    words = [["my", ("card", "film", "story")[i % 3], "is", "here"] for i in range(60)]
    made = Table(
        {"tokens": ragged.objects(map(word_offsets.joined, words))}, ragged.objects([("O", "B-X", "O", "O")] * 60)
    )
    other = ragged.objects([("O", "O", "O", "B-X")] * 60)
    made = replace(made, rows=np.arange(1, 61), target_name="tags")
    task = tasks.find("token_classification", made)
    profile = DatasetProfile(120, task.columns, 9, 20.0, output_kind=OutputKind.TAGS)
    recipe = plugins.find("models", "crf").portfolio(profile)[0]
    for weight, share in (((1.9, 0.1), 1.0), ((0.1, 1.9), 0.0)):
        model = fitted("crf", recipe, both(made, other, weight), task, tmp_path)
        assert task.score(task.encode(made), model.outputs(made)) == share
