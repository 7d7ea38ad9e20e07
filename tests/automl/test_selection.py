"""Choices from made-up trials with real outputs."""

from dataclasses import replace

import numpy as np
import pytest

from penna import tasks
from penna.automl import selection
from penna.automl.selection import OutOfFoldScores
from penna.data.table import Table
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial

N = 600
TRUTH = np.arange(N) % 3


def task():
    labels = np.array([f"label {c}" for c in TRUTH], dtype=object)
    return tasks.find("classification", Table({"t": labels}, target=labels, rows=np.arange(N)), "accuracy")


def outputs_of(right, seed, sure=0.8):
    """(N, 3) outputs that are right on a random share of the rows."""
    rng = np.random.default_rng(seed)
    answers = np.where(rng.random(N) < right, TRUTH, (TRUTH + rng.integers(1, 3, N)) % 3)
    outputs = np.full((N, 3), (1 - sure) / 2, np.float32)
    outputs[np.arange(N), answers] = sure
    return outputs


def setup(shares, seconds=None, first_round=(0,)):
    """Trials whose outputs are right on these shares of the rows, one mistake independent of the other."""
    stored, trials, made = {}, [], task()
    for i, share in enumerate(shares):
        stored[i] = outputs_of(share, seed=i)
        trials.append(
            Trial(
                Recipe.of("linear", c=float(i + 1)),
                State.COMPLETE,
                first_round,
                (made.score(TRUTH, stored[i]),) * len(first_round),
                (0.015,) * len(first_round),
                (seconds or [1.0] * len(shares))[i],
                number=i,
                proposal_key=str(i),
            )
        )
    evidence = OutOfFoldScores(made, lambda _: TRUTH, lambda trial, _: stored[trial.number], first_round)
    return trials, evidence


def everything(_):
    return True


def test_independent_mistakes_make_a_blend_that_wins():
    trials, evidence = setup([0.7, 0.7, 0.7, 0.7])
    choice = selection.best(trials, evidence, everything)
    assert len(choice.members) >= 2
    assert choice.score > 0.74
    assert sum(weight for _, weight in choice.members) == pytest.approx(1)


def test_a_single_that_is_far_better_is_served_alone():
    trials, evidence = setup([0.97, 0.5, 0.5])
    choice = selection.best(trials, evidence, everything)
    assert [t.number for t, _ in choice.members] == [0]


def test_what_is_not_allowed_is_neither_chosen_nor_blended():
    trials, evidence = setup([0.9, 0.7, 0.7])
    choice = selection.best(trials, evidence, lambda members: all(t.number != 0 for t in members))
    assert 0 not in [t.number for t, _ in choice.members]
    assert selection.best(trials, evidence, lambda _: False) is None


def test_a_blend_only_where_its_members_fit_together():
    trials, evidence = setup([0.7, 0.7, 0.7])
    assert len(selection.best(trials, evidence, lambda members: len(members) == 1).members) == 1


def test_finalists_are_compared_with_finalists():
    trials, evidence = setup([0.85, 0.84, 0.5])
    finalist = Trial(
        trials[1].recipe, State.COMPLETE, (1,), (0.86,), (0.015,), 1.0, number=3, phase="finalist", proposal_key="1@1"
    )
    other = Trial(
        trials[0].recipe, State.COMPLETE, (1,), (0.70,), (0.015,), 1.0, number=4, phase="finalist", proposal_key="2"
    )
    choice = selection.best([*trials, finalist, other], evidence, lambda members: len(members) == 1)
    assert choice.members[0][0].recipe == trials[1].recipe, "luck on the first fold does not survive the second"


def test_first_round_decides_if_leader_was_not_repeated():
    trials, evidence = setup([0.95, 0.6, 0.5])
    finalist = Trial(
        trials[1].recipe, State.COMPLETE, (1,), (0.7,), (0.015,), 1.0, number=3, phase="finalist", proposal_key="1@1"
    )
    choice = selection.best([*trials, finalist], evidence, lambda members: len(members) == 1)
    assert choice.members[0][0].recipe == trials[0].recipe


def test_failed_and_pruned_trials_are_never_chosen():
    trials, evidence = setup([0.9])
    broken = Trial(Recipe.of("linear", c=9.0), State.FAILED, reason="RuntimeError: no", number=1)
    assert selection.best([broken, *trials], evidence, everything).members[0][0].number == 0
    assert selection.best([broken], evidence, everything) is None


def test_runs_of_one_recipe_with_several_seeds_are_one_candidate():
    trials, _ = setup([0.9, 0.8])
    again = Trial(trials[0].recipe.replace(seed=1), State.COMPLETE, (0,), (0.5,), (0.015,), 3.0, number=2)
    together = selection.merged([*trials, again])
    assert len(together) == 2
    assert together[0].scores == (trials[0].scores[0], 0.5)
    assert together[0].seconds == pytest.approx(2.0)


def test_trusted_recipe_wins_unless_another_is_clearly_better():
    trials, evidence = setup([0.70, 0.72, 0.85])
    trusted = trials[0].recipe
    assert selection.best(trials[:2], evidence, everything).members[0][0].number != 0
    assert [t.number for t, _ in selection.best(trials[:2], evidence, everything, trusted).members] == [0]
    assert [t.number for t, _ in selection.best(trials, evidence, everything, trusted).members] == [2]


def test_trusted_recipe_stays_trusted_when_cut_or_reseeded():
    trials, evidence = setup([0.70, 0.72])
    cut = [replace(trials[0], recipe=trials[0].recipe.replace(fidelity=0.5, seed=3)), trials[1]]
    assert selection.best(cut, evidence, everything, trials[0].recipe).members[0][0].number == 0


def test_trial_of_later_folds_is_compared_with_trusted_one():
    trials, evidence = setup([0.75, 0.70], first_round=(0, 1))
    late = replace(trials[1], folds=(4, 5))
    assert selection.best([trials[0], late], evidence, everything, trials[0].recipe).members[0][0].number == 0
