"""The linear family on numbers: ridge, and bins whose mean is the answer; the same contract as for classes."""

from pathlib import Path

import numpy as np
import pytest

from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import BundleError
from penna.heads.links import Link, cut
from penna.models.linear import family as linear
from penna.models.linear import storage
from penna.models.linear.single import LinearModel
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import regression
from penna.testing import make_resources

PROFILE = DatasetProfile(
    rows=240, classes=1, rows_in_smallest_class=24, mean_characters=25.0, output_kind=OutputKind.NUMBERS
)
WORTH = {"awful": 1.0, "poor": 2.0, "fair": 3.0, "good": 4.0, "superb": 5.0}


def reviews(n: int = 240, seed: int = 0, unit: float = 1.0) -> Table:
    """Texts of two judgements each, worth their mean, with some noise."""
    rng = np.random.default_rng(seed)
    words = rng.choice(list(WORTH), (n, 2))
    texts, target = np.empty(n, object), np.empty(n, object)
    for i, (a, b) in enumerate(words):
        texts[i] = f"the room was {a}, the food {b}, on day {i % 5}"
        target[i] = unit * float((WORTH[a] + WORTH[b]) / 2 + 0.1 * rng.normal())
    return Table({"text": texts}, target, rows=np.arange(1, n + 1), target_name="stars")


def always(step: int, of: int, score: float) -> bool:
    return True


def fitted(recipe: Recipe, train: Table, tmp_path: Path) -> LinearModel:
    return linear.fit(recipe, regression.from_table(train), train, None, make_resources(tmp_path), always)


@pytest.mark.parametrize("recipe", linear.portfolio(PROFILE), ids=str)
def test_every_recipe_learns_numbers_and_is_saved_as_it_answers(recipe: Recipe, tmp_path: Path) -> None:
    train, other = reviews(), reviews(60, seed=1)
    task = regression.from_table(train)
    model = fitted(recipe, train, tmp_path)
    outputs = model.outputs(other)
    assert (outputs.shape, outputs.dtype) == ((60, 1), np.float32)
    assert task.score(task.encode(other), outputs) > 0.8
    (tmp_path / "parts").mkdir()
    model.save(tmp_path / "parts")
    assert np.array_equal(linear.load(tmp_path / "parts").outputs(other), outputs)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_the_target_changes_no_score(unit: float, tmp_path: Path) -> None:
    recipe = linear.portfolio(PROFILE)[0]
    scores = []
    for each in (1.0, unit):
        train, other = reviews(unit=each), reviews(60, seed=1, unit=each)
        task = regression.from_table(train)
        scores.append(task.score(task.encode(other), fitted(recipe, train, tmp_path).outputs(other)))
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_classes_and_numbers_are_offered_recipes_of_their_own() -> None:
    assert {r["classifier"] for r in linear.portfolio(PROFILE)} == {"ridge", "svr", "logistic"}
    assert all(r["bins"] > 0 for r in linear.portfolio(PROFILE) if r["classifier"] == "logistic")
    assert "bins" in {k.name for k in linear.search_space(PROFILE)}
    assert not {"balanced", "nb"} & {k.name for k in linear.search_space(PROFILE)}
    cost = linear.cost(linear.portfolio(PROFILE)[1], PROFILE, reviews(), make_resources(Path()))
    assert cost.seconds > 0


def test_numbers_that_are_all_the_same_in_a_fold_are_answered_so(tmp_path: Path) -> None:
    train = reviews()
    task = regression.from_table(train)
    same = train.take(np.zeros(40, np.int64))
    for recipe in linear.portfolio(PROFILE)[:2]:
        model = linear.fit(recipe, task, same, None, make_resources(tmp_path), always)
        assert model.outputs(same)[:, 0] == pytest.approx(task.encode(same), abs=1e-3)


def test_uninformative_text_gets_the_mean(tmp_path: Path) -> None:
    train = reviews()
    task = regression.from_table(train)
    strange = np.array(["", " ", "Ωψ", "the room was superb, the food superb"], dtype=object)
    for recipe in linear.portfolio(PROFILE)[:2]:
        outputs = fitted(recipe, train, tmp_path).outputs(Table({"text": strange}))
        answers = task.decode(outputs).tolist()
        assert answers[:3] == [pytest.approx(task.centre, abs=1e-4)] * 3
        assert answers[3] > 4


def test_bins_hold_equal_shares_where_values_are_many() -> None:
    y = np.random.default_rng(0).exponential(size=1000)
    codes, values = cut(y, 10)
    assert np.bincount(codes).tolist() == [100] * 10
    assert values == pytest.approx([y[codes == i].mean() for i in range(10)])
    assert cut(np.repeat([1.0, 9.0], [990, 10]), 20)[1].tolist() == [1, 9]


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        ({"kind": "magic", "values": []}, 1),
        ({"kind": "identity", "values": []}, 3),
        ({"kind": "mean", "values": [1.0, 2.0]}, 3),
        ({"kind": "mean", "values": [1.0, float("nan")]}, 1),
        ({"kind": "softmax", "values": [1.0]}, 1),
    ],
)
def test_a_link_that_does_not_go_with_the_weights_is_refused(data: dict, columns: int) -> None:
    with pytest.raises(ValueError, match="answers"):
        Link.from_json(data, columns)
    good = Link("mean", (1.0, 2.0, 4.0))
    assert Link.from_json(good.to_json(), 3) == good


def test_a_damaged_link_is_a_damaged_file(tmp_path: Path) -> None:
    model = fitted(linear.portfolio(PROFILE)[1], reviews(), tmp_path)
    storage.write(tmp_path, model.tfidf, model.weights, Link("mean", (1.0,)))
    with pytest.raises(BundleError, match="do not go with"):
        linear.load(tmp_path)
