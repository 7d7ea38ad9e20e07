"""One contract for every strategy in the folder, then what each is for. Trials are values: nothing is run."""

import functools

import numpy as np
import pytest

from penna import plugins
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, SearchSpace
from penna.search.strategies import _halving, grid
from penna.search.trials import State, Trial

SPACE = SearchSpace(
    (
        (
            "cheap",
            (
                Hyperparameter("c", low=0.01, high=100, log=True),
                Hyperparameter("kind", ("a", "b")),
                Hyperparameter("width", low=1, high=3, whole=True, when=("kind", ("a",))),
            ),
        ),
        ("dear", (Hyperparameter("rate", low=1e-5, high=1e-3, log=True),)),
        ("plain", ()),
    )
)
PORTFOLIO = [
    Recipe.of("cheap", c=1.0, kind="a", width=1),
    Recipe.of("cheap", c=5.0, kind="b"),
    Recipe.of("dear", rate=1e-4),
    Recipe.of("plain"),
]
STRATEGIES = plugins.names("search.strategies")


def strategy(name, folds=1, seed=0):
    profile = DatasetProfile(
        rows=1000, classes=2, rows_in_smallest_class=400, mean_characters=60.0, folds=folds, seed=seed
    )
    return plugins.find("search.strategies", name).make(SPACE, PORTFOLIO, profile)


def outcome(proposal, number, score=None):
    """A finished trial whose score peaks at c = 3 and rate = 2e-4."""
    recipe = proposal.recipe
    if score is None:
        aim, value = (np.log(3.0), recipe.get("c")) if recipe.family == "cheap" else (np.log(2e-4), recipe.get("rate"))
        score = 0.8 if value is None else 0.9 - 0.02 * abs(np.log(value) - aim)
    seconds = (10.0 if recipe.family == "dear" else 1.0) * len(proposal.folds)
    return Trial(
        recipe, State.COMPLETE, proposal.folds, (score,) * len(proposal.folds), (0.01,) * len(proposal.folds),
        seconds, number=number, phase=proposal.phase, proposal_key=proposal.key,
    )  # fmt: skip


@functools.cache  # the Gaussian process takes a second or two
def played(name, seconds=200.0, folds=1, seed=0):
    asked, trials = strategy(name, folds, seed), []
    while seconds > 0 and (proposal := asked.ask(trials, seconds)) is not None:
        trials.append(outcome(proposal, len(trials)))
        seconds -= trials[-1].seconds
    return trials


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
def test_strategy_starts_with_baseline_and_never_repeats(name):
    trials = played(name)
    assert trials[0].recipe == PORTFOLIO[0]
    assert trials[0].phase == "baseline"
    assert len({t.proposal_key for t in trials}) == len(trials) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_gives_the_same_recipes_for_the_same_seed(name):
    assert [t.recipe for t in played(name)] == [t.recipe for t in played.__wrapped__(name)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_goes_on_from_the_trials_alone(name):
    trials = played(name)[:6]
    proposal = strategy(name).ask(trials, 100.0)
    assert proposal is not None
    assert proposal.key not in {t.proposal_key for t in trials}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_drawn_recipe_lies_inside_the_space(name):
    for trial in played(name):
        hyperparameters = dict(trial.recipe.hyperparameters)
        for hyperparameter in SPACE.hyperparameters(trial.recipe.family):
            if not hyperparameter.active(hyperparameters):
                assert hyperparameter.name not in hyperparameters
            elif hyperparameter.values:
                assert hyperparameters[hyperparameter.name] in hyperparameter.values
            else:
                assert hyperparameter.low <= hyperparameters[hyperparameter.name] <= hyperparameter.high


@pytest.mark.parametrize("name", STRATEGIES)
def test_recipes_round_trip_through_json(name):
    assert all(Recipe.from_json(t.recipe.to_json()) == t.recipe for t in played(name))


def test_auto_tries_the_whole_portfolio_in_order_before_it_draws():
    trials = played("auto")
    assert [t.recipe for t in trials[:4]] == PORTFOLIO
    assert {t.phase for t in trials[4:]} == {"tpe", "finalist"}


def test_finalists_meet_a_fold_that_chose_nobody():
    finalists = [t for t in played("auto") if t.phase == "finalist"]
    assert 1 <= len(finalists) <= 3
    assert {t.folds for t in finalists} == {(1,)}


def test_finalists_of_a_small_table_get_another_seed():
    finalists = [t for t in played("auto", folds=5, seconds=900.0) if t.phase == "finalist"]
    assert finalists
    assert {t.recipe.seed for t in finalists} == {1}


def test_a_family_far_behind_stops_costing_time():
    asked, trials = strategy("auto"), []
    for _ in range(20):
        proposal = asked.ask(trials, 1000.0)
        trials.append(outcome(proposal, len(trials), score=0.95 if proposal.recipe.family == "cheap" else 0.5))
    drawn = [t.recipe.family for t in trials if t.phase == "tpe"]
    assert drawn.count("cheap") > 10
    assert "dear" not in drawn


def test_what_does_not_fit_is_not_drawn():
    asked = strategy("auto")
    trials = [outcome(p, i) for i, p in enumerate(_portfolio(asked))]
    proposal = asked.ask(trials, 9.0)  # a dear trial takes 10
    assert proposal.recipe.family == "cheap"


def test_tpe_comes_closer_to_the_optimum_than_its_first_draws():
    drawn = [t for t in played("tpe", seconds=60.0) if t.recipe.family == "cheap" and t.phase == "tpe"]
    distance = [abs(np.log(t.recipe["c"] / 3.0)) for t in drawn]
    assert np.median(distance[-5:]) < np.median(distance[:5])


def test_trial_far_behind_is_pruned_and_a_good_one_kept():
    peers = [
        Trial(Recipe.of("dear", rate=r), State.COMPLETE, (0,), (0.9,), curve=((1, 0.5), (5, 0.8), (10, 0.9)))
        for r in (1e-4, 2e-4)
    ]
    assert _halving.keep(peers, "dear", 0.5, 0.85)
    assert not _halving.keep(peers, "dear", 0.5, 0.6)
    assert _halving.keep(peers, "dear", 0.1, 0.1), "nobody is judged before the first rung"
    assert _halving.keep([], "dear", 0.5, 0.1), "without peers everybody goes on"
    assert _halving.keep(peers, "cheap", 0.5, 0.1), "families are not compared on the way"


def test_grid_takes_spaced_levels_of_every_hyperparameter():
    assert grid.levels(Hyperparameter("c", low=0.01, high=100, log=True)) == [0.01, 1.0, 100.0]
    assert grid.levels(Hyperparameter("n", low=1, high=3, whole=True)) == [1, 2, 3]
    assert grid.levels(Hyperparameter("k", ("a", "b"))) == ("a", "b")


def _portfolio(asked):
    trials = []
    for _ in PORTFOLIO:
        proposal = asked.ask(trials, 1000.0)
        trials.append(outcome(proposal, len(trials)))
        yield proposal


def test_finalists_of_a_tiny_table_get_other_folds():
    profile = DatasetProfile(16, 2, 8, 60.0, folds=4, again=(4, 5, 6, 7))
    asked, trials, seconds = plugins.find("search.strategies", "auto").make(SPACE, PORTFOLIO, profile), [], 400.0
    while seconds > 0 and (proposal := asked.ask(trials, seconds)) is not None:
        trials.append(outcome(proposal, len(trials)))
        seconds -= trials[-1].seconds
    finalists = [t for t in trials if t.phase == "finalist"]
    assert len(finalists) == 3
    assert {t.folds for t in finalists} == {(4, 5, 6, 7)}
    assert {t.recipe for t in finalists} <= {t.recipe for t in trials if t.folds == (0, 1, 2, 3)}


def test_large_grid_varies_every_hyperparameter():
    hyperparameters = tuple(Hyperparameter(f"k{i}", ("a", "b", "c")) for i in range(12))
    profile = DatasetProfile(rows=1000, classes=2, rows_in_smallest_class=400, mean_characters=60.0)
    asked = grid.make(SearchSpace((("wide", hyperparameters),)), PORTFOLIO, profile)
    recipes = [proposal.recipe for proposal in asked.proposals[1:]]
    assert len(set(recipes)) == len(recipes) == grid.MOST
    assert all(
        {recipe[hyperparameter.name] for recipe in recipes} == {"a", "b", "c"} for hyperparameter in hyperparameters
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_empty_portfolio_proposes_nothing(name):
    profile = DatasetProfile(rows=1000, classes=2, rows_in_smallest_class=400, mean_characters=60.0)
    asked = plugins.find("search.strategies", name).make(SearchSpace((("plain", ()),)), [], profile)
    assert asked.ask([], 1000.0) is None


def test_family_that_no_longer_fits_is_not_sampled():
    asked, trials = strategy("auto"), []
    for _ in range(60):
        proposal = asked.ask(trials, 25.0)
        if proposal is None or proposal.phase == "finalist":
            break
        done = outcome(proposal, len(trials))
        if proposal.phase == "tpe":
            done = Trial(
                proposal.recipe, State.SKIPPED, phase=proposal.phase, reason="no time", proposal_key=proposal.key,
                number=len(trials),
            )  # fmt: skip
        trials.append(done)
    drawn = [t.recipe.family for t in trials if t.state is State.SKIPPED]
    assert 0 < len(drawn) <= 3 * len(set(drawn))
    again = asked.ask(trials, 500.0)  # resumed with more time
    assert again is not None
    assert again.phase == "tpe"
