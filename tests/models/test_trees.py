"""The family of trees: as arrays, as a family, and what it reads of a text."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from penna import tasks
from penna.budget import Deadline, OutOfTime, Resources
from penna.data.output_kind import OutputKind
from penna.data.table import Field, Table
from penna.errors import BundleError
from penna.features import text_statistics, tree_arrays
from penna.models.base import Pruned
from penna.models.trees import family as trees
from penna.models.trees import inputs
from penna.search.recipe import DatasetProfile, Recipe
from penna.testing import make_resources

SMALL = {"names": "target", "trees": 20, "rate": 0.2, "leaves": 5, "least": 3, "shrink": 1.0, "share": 1.0}


def shop(n: int = 90, seed: int = 0, classes: int = 3, numbers: bool = False) -> Table:
    """Half of what is requested stands in the text, half in the columns."""
    rng = np.random.default_rng(seed)
    word, age, kind = rng.integers(classes, size=n), rng.uniform(0, classes, n), rng.choice(["red", "blue", ""], n)
    answer = (word + age + (kind == "red")) / 2
    text = np.array(
        [f"{['awful', 'plain', 'lovely'][w]} thing, it is {w} to me {i % 5}" for i, w in enumerate(word)], object
    )
    target = answer.astype(object) if numbers else np.array([f"c{int(a)}" for a in answer], object)
    age[::9] = np.nan
    columns = {"age": age, "kind": kind.astype(object)}
    fields = {"age": Field("numeric"), "kind": Field("categorical")}
    return Table({"text": text}, target, rows=np.arange(1, n + 1), columns=columns, fields=fields)


def fitted(folder: Path, text: str = "counts", **options):
    table = shop(**options)
    task = tasks.find("regression" if options.get("numbers") else "classification", table)
    recipe = Recipe.of("trees", text=text, **SMALL)
    return trees.fit(recipe, task, table, None, make_resources(folder), lambda *_: True), task, table


def matrix(n: int = 120, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    X[rng.random(X.shape) < 0.2] = np.nan
    return X


def boosted(classes: int, X: np.ndarray):
    wish = np.nan_to_num(X[:, 0]) + np.isnan(X[:, 1])
    if not classes:
        return HistGradientBoostingRegressor(max_iter=15, min_samples_leaf=3).fit(X, wish)
    y = np.digitize(wish, np.quantile(wish, np.linspace(0, 1, classes + 1)[1:-1]))
    return HistGradientBoostingClassifier(max_iter=15, min_samples_leaf=3).fit(X, y)


@pytest.mark.parametrize("classes", [0, 2, 4])
def test_stored_forest_predicts_like_scikit_learn(classes: int, tmp_path: Path) -> None:
    X, fresh = matrix(), matrix(50, seed=1)
    model = boosted(classes, X)
    made = tree_arrays.of(model, X)
    made.save(tmp_path)
    opened = tree_arrays.load(tmp_path, len(made.nodes["start"]))
    assert np.allclose(made.margins(fresh), model._raw_predict(fresh.astype(np.float64)), atol=1e-5)
    assert np.array_equal(opened.margins(fresh), made.margins(fresh))
    assert opened.margins(fresh[:0]).shape == (0, len(made.nodes["start"]))


def test_a_forest_that_answers_otherwise_is_not_taken() -> None:
    with pytest.raises(RuntimeError, match="differ from scikit-learn"):
        tree_arrays.of(_Shifted(boosted(2, matrix())), matrix())


class _Shifted:
    """A model whose answers are not those of its trees, as a later scikit-learn might make them."""

    def __init__(self, model) -> None:
        self._predictors, self._baseline_prediction = model._predictors, model._baseline_prediction

    def _raw_predict(self, X):
        return np.zeros((len(X), 1))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("forest")
    made = tree_arrays.of(boosted(2, matrix()), matrix())
    made.save(folder)
    return folder, (folder / tree_arrays.FILE).read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_forest_is_refused_or_ends(stored, where: float, value: int, cut: bool) -> None:
    folder, whole = stored
    place = int(where * len(whole))
    broken = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ value]) + whole[place + 1 :]
    (folder / tree_arrays.FILE).write_bytes(broken)
    try:
        opened = tree_arrays.load(folder, 1)
    except BundleError:
        return
    if opened.features == 5:
        assert opened.margins(matrix()).shape == (120, 1)


@pytest.mark.parametrize("text", ["none", "counts", "counts+svd", "counts+linear"])
def test_what_was_fitted_is_what_is_opened(text: str, tmp_path: Path) -> None:
    model, task, table = fitted(tmp_path, text)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    opened = trees.load(tmp_path / "model")
    fresh = shop(40, seed=3)
    assert np.array_equal(opened.outputs(fresh), model.outputs(fresh))
    assert opened.outputs(fresh.take(np.arange(0))).shape == (0, task.columns)
    assert np.allclose(model.outputs(fresh).sum(axis=1), 1, atol=1e-5)
    assert task.score(task.encode(table), model.outputs(table)) > 0.8
    assert not [p for p in (tmp_path / "model").rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib", ".pt")]


def test_numbers_are_answered_in_one_column_and_stacking_helps(tmp_path: Path) -> None:
    fresh = shop(200, seed=5, numbers=True)
    scores = {}
    for text in ("none", "counts+linear"):
        model, task, _ = fitted(tmp_path, text, n=300, numbers=True)
        scores[text] = task.score(task.encode(fresh), model.outputs(fresh))
    assert scores["counts+linear"] > max(0.6, scores["none"] + 0.2)


def test_a_class_without_a_training_row_keeps_its_column(tmp_path: Path) -> None:
    table = shop()
    task = tasks.find("classification", table)
    left = table.take(np.flatnonzero(table.target != task.classes[0]))
    made = trees.fit(
        Recipe.of("trees", text="counts", **SMALL), task, left, None, make_resources(tmp_path), lambda *_: True
    )
    outputs = made.outputs(table)
    assert outputs.shape == (len(table), task.columns)
    assert (outputs[:, 0] == 0).all()


def test_stacked_outputs_are_out_of_fold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = shop(120)
    noise = Table({"text": np.array([f"word{i} only here" for i in range(120)], object)},
                  np.array([f"c{j}" for j in rng.integers(2, size=120)], object), rows=table.rows,
                  columns=table.columns, fields=table.fields)  # fmt: skip
    task = tasks.find("classification", noise)
    _, matrix = inputs.fit(Recipe.of("trees", text="linear", **SMALL), task, noise, make_resources(tmp_path))
    told = (matrix[:, -1] > 0.5) == task.encode(noise)
    assert told.mean() < 0.7


def test_fit_reports_its_score_and_can_be_stopped(tmp_path: Path) -> None:
    table = shop()
    task, heard = tasks.find("classification", table), []

    def report(step: int, of: int, score: float) -> bool:
        heard.append((step, of, score))
        return len(heard) < 2

    with pytest.raises(Pruned):
        trees.fit(Recipe.of("trees", text="counts", **SMALL), task, table, table, make_resources(tmp_path), report)
    assert [step for step, _, _ in heard] == sorted({step for step, _, _ in heard})
    assert 0 < heard[0][2] <= 1


def test_the_same_seed_gives_the_same_trees(tmp_path: Path) -> None:
    first, second = (fitted(tmp_path, "counts+svd")[0] for _ in range(2))
    assert np.array_equal(first.outputs(shop(30, seed=2)), second.outputs(shop(30, seed=2)))


@pytest.mark.parametrize("output_kind", [OutputKind.CLASS_PROBABILITIES, OutputKind.NUMBERS])
def test_recipes_need_columns_and_have_a_cost(output_kind: OutputKind, tmp_path: Path) -> None:
    profile = DatasetProfile(
        90, 3 if output_kind == OutputKind.CLASS_PROBABILITIES else 1, 20, 30.0, columns=2, output_kind=output_kind
    )
    assert trees.portfolio(DatasetProfile(90, 3, 20, 30.0)) == []
    assert trees.search_space(DatasetProfile(90, 3, 20, 30.0)) == ()
    for recipe in trees.portfolio(profile):
        found = trees.cost(recipe, profile, shop(), make_resources(tmp_path))
        assert found.seconds > 0
        assert found.size_mb < 10
    smaller = trees.shrink(trees.portfolio(profile)[0], profile, shop(), make_resources(tmp_path), 0.0)
    assert smaller is None


@pytest.mark.parametrize("change", [{"classes": [0, 0]}, {"columns": 0}, {"link": {"kind": "magic", "values": []}}])
def test_a_damaged_model_is_refused(change: dict, tmp_path: Path) -> None:
    model, _, _ = fitted(tmp_path, "none")
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    said = json.loads((tmp_path / "model" / trees.FILE).read_text())
    (tmp_path / "model" / trees.FILE).write_text(json.dumps(said | change))
    with pytest.raises(BundleError):
        trees.load(tmp_path / "model")


@given(text=st.text(max_size=60))
def test_counts_of_any_text_are_finite(text: str) -> None:
    assert np.isfinite(text_statistics.matrix(Table({"a": np.array([text], object)}))).all()


def test_thousands_of_columns_are_not_started_without_time(tmp_path):
    table = shop(200)
    rng = np.random.default_rng(0)
    wide = {f"n{i}": rng.normal(size=len(table)) for i in range(3000)}
    fields = {name: Field("numeric") for name in wide}
    many = Table(table.text, table.target, rows=table.rows, columns=wide, fields=fields)
    recipe, profile = Recipe.of("trees", text="none", **SMALL | {"trees": 250}), DatasetProfile(200, 3, 60, 30.0)
    costs = [trees.cost(recipe, profile, asked, make_resources(tmp_path)).seconds for asked in (table, many)]
    assert costs[1] > 20 * costs[0]
    late = Resources(tmp_path, Deadline(2.0), 1)
    with pytest.raises(OutOfTime):
        trees.fit(recipe, tasks.find("classification", many), many, None, late, lambda *_: True)
    assert late.deadline.left() > -10
