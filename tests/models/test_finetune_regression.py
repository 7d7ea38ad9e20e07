"""The family ``finetune`` on numbers: one output, or bins whose mean is the answer; served as it was trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penna.budget import Resources
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import BundleError
from penna.models.finetune import family as finetune
from penna.models.finetune.model import LINK
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import regression

WORTH = {"good": 4.0, "bad": 1.0, "story": 2.5, "lost": 0.0}


def table(n: int = 160, seed: int = 0) -> Table:
    """Short texts; one word says what they are worth."""
    draw = np.random.default_rng(seed)
    texts, target = np.empty(n, object), np.empty(n, object)
    for i, word in enumerate(draw.choice(list(WORTH), n)):
        texts[i] = " ".join([*draw.choice(["the", "is", "my", "your"], draw.integers(1, 5)), word])
        target[i] = 100 * float(WORTH[word] + 0.05 * draw.normal())
    return Table({"text": texts}, target, rows=np.arange(1, n + 1))


def profile(encoder: Path) -> DatasetProfile:
    return DatasetProfile(160, 1, 16, 40.0, (str(encoder),), output_kind=OutputKind.NUMBERS)


def recipe(encoder: Path, **hyperparameters: object) -> Recipe:
    quick = {"encoder": str(encoder), "epochs": 12.0, "lr": 3e-3, "head_lr": 1.0, "batch": 16}
    return Recipe("finetune").replace(**(quick | hyperparameters))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("hyperparameters", [{"bins": 0}, {"bins": 10}, {"bins": 0, "head_start": "logistic"}], ids=str)
def test_numbers_are_learned_and_served_as_trained(
    hyperparameters: dict[str, object], tiny_bert: Path, resources: Resources, tmp_path: Path
) -> None:
    train, valid = table(), table(60, seed=1)
    task = regression.from_table(train)
    seen: list[float] = []
    model = finetune.fit(
        recipe(tiny_bert, **hyperparameters),
        task,
        train,
        valid,
        resources,
        lambda step, of, score: not seen.append(score),
    )
    outputs = model.outputs(valid)
    assert (outputs.shape, outputs.dtype) == ((60, 1), np.float32)
    assert task.score(task.encode(valid), outputs) > 0.8
    assert max(seen) == pytest.approx(task.score(task.encode(valid), outputs), abs=0.02)
    assert model.outputs(valid.take(np.zeros(0, np.int64))).shape == (0, 1)
    (tmp_path / "parts").mkdir()
    model.save(tmp_path / "parts")
    opened = finetune.load(tmp_path / "parts")
    assert np.abs(opened.outputs(valid) - outputs).max() < 5e-2
    opened.save(tmp_path / "again")
    assert np.array_equal(finetune.load(tmp_path / "again").outputs(valid), opened.outputs(valid))


def test_a_damaged_link_is_named(tiny_bert: Path, resources: Resources, tmp_path: Path) -> None:
    train = table(96)
    model = finetune.fit(
        recipe(tiny_bert, epochs=6.0), regression.from_table(train), train, None, resources, lambda *_: True
    )
    model.save(tmp_path)
    (tmp_path / LINK).write_text('{"kind": "mean", "values": [1.0]}')
    with pytest.raises(BundleError, match=r"link\.json is damaged"):
        finetune.load(tmp_path)


def test_numbers_are_offered_recipes_of_their_own(tiny_bert: Path, resources: Resources) -> None:
    offered = finetune.portfolio(profile(tiny_bert))
    assert {r["bins"] for r in offered} == {0, 10, 20}
    assert not any({"smoothing", "class_weights"} & set(dict(r.hyperparameters)) for r in offered)
    assert {"bins"} == {k.name for k in finetune.search_space(profile(tiny_bert))} - {
        k.name for k in finetune.search_space(replace(profile(tiny_bert), output_kind=OutputKind.CLASS_PROBABILITIES))
    }
    cost = finetune.cost(offered[0], profile(tiny_bert), table(), resources)
    assert cost.seconds > 0
