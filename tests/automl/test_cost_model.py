"""What may still be begun: an encoder that was not loaded yet takes longer than one that was."""

import re

import numpy as np

from penna import tasks
from penna.automl.cost_model import CostModel
from penna.automl.evaluate import SearchProblem
from penna.budget import Budget, Deadline, Resources
from penna.data import splits
from penna.data.table import Table
from penna.search.recipe import DatasetProfile, Recipe
from penna.search.strategies.base import Proposal
from penna.search.trials import State, Trial


def test_encoder_load_time_is_not_learned_from_other_recipes(tiny_bert, tmp_path):
    texts = np.array([f"{word} film number {i}" for i in range(40) for word in ("good", "bad")], dtype=object)
    table = Table({"text": texts}, np.array(["pos", "neg"] * 40, dtype=object), rows=np.arange(1, 81))
    task = tasks.find("classification", table)
    plan = splits.plan(table, task.strata(table), folds=2, has_test=True)
    profile = DatasetProfile(
        rows=80, classes=2, rows_in_smallest_class=40, mean_characters=18.0, encoders=(str(tiny_bert),)
    )
    affording = CostModel(SearchProblem(task, table, plan.folds, profile, Budget()), Deadline(60.0), 10)
    plain, asked = Recipe.of("frozen"), Recipe.of("frozen", encoder=str(tiny_bert), depth=1.0, head="logistic")
    done = Trial(plain, State.COMPLETE, folds=(0,), scores=(0.9,), seconds=0.1)
    affording.record_duration(done, 0.1)
    resources = Resources(tmp_path, Deadline(60.0), 1)
    refused = affording.afford(Proposal(asked, (0,), "portfolio"), [done], resources, 9.0)
    assert isinstance(refused, str)
    assert re.search(r"encoder .* 9\.0 s", refused), "the reason names the encoder and the seconds left"
    affording.record_duration(Trial(asked, State.PRUNED, reason="behind its peers"), 0.1)
    assert not isinstance(affording.afford(Proposal(asked, (0,), "portfolio"), [done], resources, 40.0), str)
