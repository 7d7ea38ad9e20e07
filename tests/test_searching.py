"""What a search goes back to: the model in its folder, and the trial that it came of."""

from dataclasses import replace

import numpy as np
import pytest

from penna import bundle, tasks
from penna.budget import Deadline
from penna.job import searching
from penna.models import Resources, linear
from penna.recipe import Profile
from penna.table import Table
from penna.trials import State, Trial


@pytest.fixture
def kept(tmp_path):
    """A run folder as a kill leaves it, with the model of trial 1; and the trials of its ledger."""
    texts = np.array([f"{word} film {i}" for i in range(20) for word in ("good", "bad")], dtype=object)
    table = Table({"text": texts}, target=np.array(["pos", "neg"] * 20, dtype=object), rows=np.arange(1, 41))
    task = tasks.find("auto", table)
    first, second, *_ = linear.portfolio(Profile(40, 2, 20, 10.0))
    model = linear.fit(second, task, table, None, Resources(tmp_path, Deadline(60), 1), lambda *_: True)
    facts = {"text_columns": ["text"], "target": "label", "preliminary": True, "trial": 1, "recipe": str(second)}
    bundle.write(tmp_path / "run" / "model", task, "linear", model, facts)
    trials = [Trial(recipe, State.COMPLETE, (0,), (0.9,), number=i) for i, recipe in enumerate((first, second))]
    return tmp_path / "run", trials


def test_a_kept_model_is_that_of_its_trial(kept):
    folder, trials = kept
    assert searching._kept(folder, trials) == 1


def test_a_model_whose_trial_was_never_written_down_is_no_other_trials(kept):
    folder, trials = kept
    assert searching._kept(folder, trials[:1]) is None
    assert searching._kept(folder, [trials[0], replace(trials[0], number=1)]) is None
    assert searching._kept(folder / "nowhere", trials) is None
