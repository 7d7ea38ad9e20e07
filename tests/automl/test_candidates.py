"""What a search may propose, and in which order."""

from dataclasses import replace

import numpy as np
import pytest

from penna import tasks
from penna.automl import candidates
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget
from penna.data.table import Table
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.trials import State, Trial


@pytest.fixture
def work(tiny_bert):
    """SearchProblem on so many rows of two classes, half of them held back."""

    def made(rows: int, **facts: object) -> SearchProblem:
        labels = np.array(["film", "card"] * (rows // 2), object)
        texts = np.array([f"a text of {label}s, number {i}" for i, label in enumerate(labels)], object)
        table = Table({"text": texts}, labels, rows=np.arange(1, rows + 1))
        profile = DatasetProfile(rows, 2, rows // 2, 30.0, encoders=(str(tiny_bert),), **facts)
        half = np.arange(rows // 2)
        return SearchProblem(tasks.find("classification", table), table, [(half, half + rows // 2)], profile, Budget())

    return made


@pytest.mark.parametrize("facts", [{}, {"columns": 2}, {"cleanings": ("spaces", "none")}])
def test_of_few_rows_a_trusted_recipe_comes_second(work, facts):
    few = work(32, **facts)
    recipes = candidates.portfolio(few, ["linear", "frozen", "contrastive"])
    assert [r.family for r in recipes[:2]] == ["linear", "contrastive"]
    assert candidates.few_shot_default(few, recipes) == recipes[1]
    assert len(set(recipes)) == len(recipes)


def test_of_many_rows_none_is_trusted(work):
    many = work(200)
    recipes = candidates.portfolio(many, ["linear", "frozen", "contrastive"])
    assert "contrastive" in {r.family for r in recipes}
    assert recipes[1].family == "linear"
    assert candidates.few_shot_default(many, recipes) is None
    assert candidates.few_shot_default(work(32), []) is None


def trial(score: float, **hyperparameters: object) -> Trial:
    return Trial(Recipe.of("linear", **hyperparameters), State.COMPLETE, (0,), (score,), (0.01,))


def test_columns_help_if_the_same_model_gains_by_them():
    plain, reading, other = (
        trial(0.70, c=1.0),
        trial(0.75, c=1.0, columns="standard", names="onehot"),
        trial(0.9, c=3.0),
    )
    assert candidates.columns_help([plain, other, reading]) is True
    assert candidates.columns_help([plain, replace(reading, scores=(0.701,))]) is False
    assert candidates.columns_help([other, reading]) is None
    assert candidates.columns_help([plain, replace(reading, state=State.SKIPPED)]) is None
    assert candidates.columns_help([plain, replace(reading, folds=(1,))]) is None


def test_columns_without_a_gain_are_left_out(work):
    recipes = candidates.portfolio(work(200, columns=2), ["linear", "trees", "frozen"])
    plain = candidates.without_columns(recipes)
    assert any(recipe.get("row") for recipe in recipes)
    assert not any(recipe.get("row") for recipe in plain)
    assert plain[0] == recipes[0]
    assert [r.get("analyzer") for r in plain[1:] if r.get("columns")] == ["none"], "the columns alone"
    assert [r for r in plain if r.family == "trees"] == [r for r in recipes if r.family == "trees"]
    assert len(set(plain)) == len(plain) < len(recipes)
