"""What every family of models promises, tried on all of them: a new file in ``models/`` has to be listed here."""

import numpy as np
import pytest

from artifacts import Maker
from penna import plugins
from penna.budget import OutOfTime
from penna.data import ragged
from penna.models.base import Cost
from penna.search.recipe import DatasetProfile, Recipe
from penna.testing import make_resources

#: One artifact of each family that a search can fit; ``Maker`` fits it on a few rows.
NAMES = {
    "linear": "linear", "trees": "trees", "frozen": "frozen", "contrastive": "contrastive", "finetune": "finetune",
    "crf": "crf", "tagger": "tagger", "sliding_window": "sliding_window", "reader": "reader",
    "translation_memory": "words", "seq2seq": "seq2seq",
}  # fmt: skip
#: How far an artifact may be from the network that it was written from: training may run in bf16.
CLOSE = 2e-2


class Recorder(Maker):
    """A maker that notes what it fitted last."""

    def fitted(self, recipe, task, table):
        model = super().fitted(recipe, task, table)
        self.last = recipe, task, table, model
        return model


@pytest.fixture(scope="module")
def made(tiny_bert, tmp_path_factory):
    """``made("crf")``: (recipe, task, table, model, folder of its artifact)."""
    maker, known = Recorder(tmp_path_factory.mktemp("contract"), tiny_bert), {}

    def make(family):
        if family not in known:
            folder = maker.folder(NAMES[family])
            known[family] = (*maker.last, folder)
        return known[family]

    return make


def far(one, other) -> float:
    """The largest difference between two outputs, which may differ in length by row."""
    pairs = zip(one, other, strict=True)
    return max((float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max(initial=0)) for a, b in pairs), default=0)


def test_every_family_that_can_be_fitted_is_tried():
    fitted = {name for name in plugins.names("models") if hasattr(plugins.find("models", name), "fit")}
    assert fitted == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("family", NAMES)
def test_family_offers_recipes_that_are_plain_json(family, made, tiny_bert):
    recipe, task, *_ = made(family)
    assert Recipe.from_json(recipe.to_json()) == recipe
    module = plugins.find("models", family)
    profile = DatasetProfile(400, 4, 100, 30.0, encoders=(str(tiny_bert),), output_kind=task.output_kind, columns=2)
    assert all(r.family == family for r in module.portfolio(profile))
    assert len({hyperparameter.name for hyperparameter in module.search_space(profile)}) == len(
        module.search_space(profile)
    )


@pytest.mark.slow
@pytest.mark.parametrize("family", NAMES)
def test_the_same_recipe_and_seed_give_the_same_model(family, made, tmp_path):
    recipe, task, table, model, _ = made(family)
    again = plugins.find("models", family).fit(recipe, task, table, None, make_resources(tmp_path), lambda *_: True)
    assert far(again.outputs(table), model.outputs(table)) < 1e-5


@pytest.mark.parametrize("family", NAMES)
def test_a_model_that_was_saved_answers_as_it_did(family, made, tmp_path):
    _, _, table, model, _ = made(family)
    model.save(tmp_path)
    opened = plugins.find("models", family).load(tmp_path)
    assert far(opened.outputs(table), model.outputs(table)) < CLOSE
    (tmp_path / "again").mkdir()
    opened.save(tmp_path / "again")  # an opened model can be written once more, as a blend does
    twice = plugins.find("models", family).load(tmp_path / "again")
    assert far(twice.outputs(table), opened.outputs(table)) == 0


@pytest.mark.parametrize("family", NAMES)
def test_without_time_a_fit_raises_or_gives_something_usable(family, made, tmp_path):
    recipe, task, table, *_ = made(family)
    try:
        model = plugins.find("models", family).fit(
            recipe, task, table, None, make_resources(tmp_path, 0), lambda *_: True
        )
    except OutOfTime:
        return
    assert ragged.finite(model.outputs(table))


@pytest.mark.parametrize("family", NAMES)
def test_of_no_rows_there_are_no_outputs(family, made):
    _, _, table, model, _ = made(family)
    assert len(model.outputs(table.take(np.arange(0)))) == 0


@pytest.mark.slow
@pytest.mark.parametrize("family", NAMES)
def test_the_cost_of_a_fit_is_known_before_it_is_begun(family, made, tmp_path):
    recipe, task, table, *_ = made(family)
    profile = DatasetProfile(len(table), 4, 4, 30.0, output_kind=task.output_kind)
    cost = plugins.find("models", family).cost(recipe, profile, table, make_resources(tmp_path))
    assert isinstance(cost, Cost)
    assert np.isfinite(cost.seconds)
    assert cost.seconds >= 0
