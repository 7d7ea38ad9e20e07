"""The contract of every post-processing step in the folder, what each is for, and which of them a choice gets."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penna import metrics, plugins, postprocessing, tasks
from penna.automl import package, postprocess, refit
from penna.automl.selection import OutOfFoldScores, Selection
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import SettingError
from penna.search.recipe import Recipe
from penna.search.trials import State, Trial
from penna.testing import check_step

NAMES = [kind.name for kind in postprocessing.kinds(OutputKind.CLASS_PROBABILITIES, 9999)]
FOR_NUMBERS = [kind.name for kind in postprocessing.kinds(OutputKind.NUMBERS, 9999)]
FOR_LABELS = [kind.name for kind in postprocessing.kinds(OutputKind.LABEL_PROBABILITIES, 9999)]
LABELS = ("common", "middle", "rare")
SHARES = (0.8, 0.15, 0.05)


def skewed(n, seed=0, power=1.0, sharp=3.0):
    """True classes with skewed shares, and probabilities that are right in ratio and too sure by ``power``."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, size=n, p=SHARES)
    evidence = sharp * np.eye(3)[y] * 0.6 + rng.normal(size=(n, 3))
    logits = np.log(SHARES) + 0.6 * sharp * evidence
    return y, np.exp(power * logits) / np.exp(power * logits).sum(axis=1, keepdims=True)


def fitted(name, y, outputs, score=metrics.macro_f1):
    (kind,) = (k for k in postprocessing.kinds(OutputKind.CLASS_PROBABILITIES, 9999) if k.name == name)
    return kind.fit(y, outputs.astype(np.float32), score)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_for_classes_keeps_the_contract(name):
    check_step(name, *skewed(400), metrics.macro_f1)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(
    outputs=arrays.arrays(np.float32, st.tuples(st.integers(0, 9), st.just(3)), elements=st.floats(0, 1, width=32)),
    rows=st.integers(3, 40),
)
def test_step_always_returns_probabilities(name, outputs, rows):
    y, learnt = skewed(rows, seed=rows)
    answers = fitted(name, y, learnt)(postprocessing.normal(outputs))
    assert np.isfinite(answers).all()
    assert (answers >= 0).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", [*NAMES, *FOR_NUMBERS])
@pytest.mark.parametrize("damage", ["x", [], None, {"x": [[1]], "y": [[1, 2]]}, [-1.0, 1.0], float("nan")])
def test_what_was_stored_is_checked(name, damage):
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        postprocessing.from_json({"step": name, "values": damage})


def test_step_of_another_version_is_named():
    with pytest.raises(SettingError, match="class_weights"):
        postprocessing.from_json({"step": "oracle", "values": 1})


def shrunken(n, seed=0):
    """Numbers that end at 5, as ratings do, and answers that were drawn towards their mean."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(1.0, 1.0, size=n)
    return np.minimum(hidden + 0.3 * rng.normal(size=n), 1.5), (0.5 * hidden + 0.4).astype(np.float32)[:, None]


def test_every_step_serves_some_output_kind():
    for_parts = [
        kind.name for output in (OutputKind.TAGS, OutputKind.SPANS) for kind in postprocessing.kinds(output, 9999)
    ]
    served = {*NAMES, *FOR_NUMBERS, *FOR_LABELS, *for_parts, "oos_threshold"}
    assert served == set(plugins.names(postprocessing.ROOM))


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_number_step_keeps_the_contract_and_undoes_shrinkage(name):
    y, outputs = shrunken(1000)
    step = check_step(name, y, outputs, metrics.r2)
    other, more = shrunken(1000, seed=1)
    after = step(more)
    assert metrics.r2(other, after) > metrics.r2(other, more) + 0.1
    assert metrics.spearman(other, after) > metrics.spearman(other, more) - 0.01


def test_selection_of_numbers_gets_only_a_helpful_step():
    for slope, steps in ((0.5, ["isotonic_regression"]), (1.0, [])):
        rng = np.random.default_rng(0)
        y = rng.normal(size=2000)
        target = y.astype(object)
        task = tasks.find("regression", Table({"t": target}, target, rows=np.arange(2000)), "r2")
        outputs = (slope * (y + 0.5 * rng.normal(size=2000)) * (0.8 if slope == 1 else 1))[:, None].astype(np.float32)
        trial = Trial(Recipe.of("linear"), State.COMPLETE, (0,), (task.score(y, outputs),), (0.01,), number=0)
        evidence = OutOfFoldScores(task, lambda _, y=y: y, lambda *_, outputs=outputs: outputs, (0,))
        chosen = postprocess.choose_postprocessing([Selection(((trial, 1.0),), trial.score, 0.01)], evidence, 60.0)
        assert [step.name for step in chosen.last] == steps


@pytest.mark.parametrize("name", ["temperature", "isotonic"])
def test_calibration_makes_probabilities_honest(name):
    y, outputs = skewed(4000, power=3.0)
    other, more = skewed(4000, seed=1, power=3.0)
    after = fitted(name, y, outputs)(more)
    assert metrics.log_loss(other, after) < metrics.log_loss(other, more) - 0.03
    assert metrics.calibration_error(other, after) < 0.5 * metrics.calibration_error(other, more)


def test_temperature_changes_no_decision():
    y, outputs = skewed(500, power=3.0)
    assert (fitted("temperature", y, outputs)(outputs).argmax(axis=1) == outputs.argmax(axis=1)).all()


def test_thresholds_gain_what_the_metric_asks_for():
    y, outputs = skewed(3000, sharp=1.5)
    other, more = skewed(3000, seed=1, sharp=1.5)
    for metric in (metrics.macro_f1, metrics.balanced_accuracy):
        step = fitted("class_weights", y, outputs, metric)
        assert metric(other, step(more)) > metric(other, more) + 0.02


def choice_of(y, outputs, metric, folds=(0,)):
    labels = np.array([LABELS[c] for c in y], dtype=object)
    task = tasks.find("classification", Table({"t": labels}, target=labels, rows=np.arange(len(y))), metric)
    trial = Trial(Recipe.of("linear"), State.COMPLETE, folds, (task.score(y, outputs),), (0.01,), number=0)
    evidence = OutOfFoldScores(task, lambda _: y, lambda *_: outputs.astype(np.float32), (0,))
    return Selection(((trial, 1.0),), trial.score, 0.01), evidence


def test_selection_gets_thresholds_then_calibration():
    choice, evidence = choice_of(*skewed(3000, power=3.0, sharp=1.5), "macro_f1")
    done = postprocess.choose_postprocessing([choice], evidence, 60.0)
    assert [step.name for step in done.last] in (["class_weights", "temperature"], ["class_weights", "isotonic"])
    assert done.score > choice.score + 0.01
    assert str(done).endswith(f"then class_weights then {done.last[1].name}")


def test_a_choice_that_is_good_as_it_is_stays_as_it_is():
    choice, evidence = choice_of(*skewed(2000), "accuracy")
    assert postprocess.choose_postprocessing([choice], evidence, 60.0) is choice


def test_selection_considers_post_processed_scores():
    y, outputs = skewed(3000, sharp=1.8)
    worse = postprocessing.normal(
        outputs**0.5 * np.random.default_rng(0).uniform(0.5, 1.5, outputs.shape) * [1.0, 4.0, 9.0]
    )
    choice, evidence = choice_of(y, worse, "macro_f1")
    trial = replace(choice.members[0][0], number=1, recipe=Recipe.of("linear", c=1.0))
    both = replace(evidence, outputs=lambda t, _: (outputs if t.number else worse).astype(np.float32))
    other = Selection(((trial, 1.0),), metrics.macro_f1(y, outputs), 0.01)
    done = postprocess.choose_postprocessing([choice, other], both, 60.0)
    assert done.members == other.members
    assert done.last[0].name == "class_weights"
    assert done.score > postprocess.choose_postprocessing([choice], both, 60.0).score


def test_part_of_an_ensemble_has_no_steps_of_the_whole():
    choice, _ = choice_of(*skewed(300), "accuracy")
    trials = [replace(choice.members[0][0], number=i, scores=(0.5 + 0.1 * i,)) for i in range(3)]
    whole = Selection(
        tuple((t, 1 / 3) for t in trials), 0.9, 0.01, (postprocessing.kinds(OutputKind.CLASS_PROBABILITIES, 9999)[0],)
    )
    members = [package.EnsembleMember(t, 0.5, None, True, {}) for t in trials[:2]]
    two = refit.remaining(whole, members)
    assert (two.members, two.last) == (((trials[0], 0.5), (trials[1], 0.5)), ())
    one = refit.remaining(whole, members[1:])
    assert (one.score, one.last) == (0.6, ())


def test_steps_are_fitted_on_part_of_many_rows():
    import time

    y, outputs = skewed(3000, power=3.0, sharp=1.5)
    choice, evidence = choice_of(y, outputs, "macro_f1", folds=(0, 1))
    folds = {0: slice(0, 1000), 1: slice(1000, 3000)}

    class Slow:
        """The same task, on a machine that takes five microseconds for a row."""

        def __init__(self, task):
            self.task, self.asked = task, []

        def __getattr__(self, name):
            return getattr(self.task, name)

        def without_postprocessing(self):
            return self

        def score(self, y, outputs):
            self.asked.append(len(y))
            time.sleep(5e-6 * len(y))
            return self.task.score(y, outputs)

    slow = Slow(evidence.task)
    halves = replace(
        evidence, task=slow, truth=lambda f: y[folds[f]], outputs=lambda _, f: outputs[folds[f]].astype(np.float32),
        first_round=(0, 1),
    )  # fmt: skip
    done = postprocess.choose_postprocessing([choice], halves, 1.0)
    assert done.last[0].name == "class_weights"
    assert max(slow.asked[3:]) < 3000  # three calls say how long one takes


def test_steps_respect_their_time():
    choice, evidence = choice_of(*skewed(3000, power=5.0), "macro_f1")
    assert postprocess.choose_postprocessing([choice], evidence, 0.0) is choice


def test_few_rows_or_missing_folds_fit_no_step():
    choice, evidence = choice_of(*skewed(150, power=5.0), "macro_f1")
    assert postprocess.choose_postprocessing([choice], evidence, 60.0) is choice
    choice, evidence = choice_of(*skewed(3000, power=5.0), "macro_f1", folds=(1,))
    assert postprocess.choose_postprocessing([choice], evidence, 60.0) is choice
