"""Family frozen on numbers: every head learns, is stored, and answers the same from its folder."""

from pathlib import Path

import numpy as np
import pytest

from penna.budget import Resources
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import BundleError
from penna.heads import heads
from penna.heads.heads import Scaling
from penna.heads.links import Link
from penna.models.frozen import family as frozen
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import regression

WORTH = {"good": 4.0, "bad": 1.0, "story": 2.5, "lost": 0.0}


def made(rows: int, seed: int = 0) -> Table:
    """Texts of three words that are worth something, between others."""
    draw = np.random.default_rng(seed)
    texts, target = np.empty(rows, object), np.empty(rows, object)
    for i in range(rows):
        words = draw.choice(list(WORTH), 3)
        texts[i] = " ".join([*words, *draw.choice(["the", "is", "my", "your"], 2)])
        target[i] = float(np.mean([WORTH[word] for word in words]) + 0.05 * draw.normal())
    return Table({"text": texts}, target=target, rows=np.arange(1, rows + 1))


@pytest.fixture
def profile(tiny_bert: Path) -> DatasetProfile:
    encoders = (str(tiny_bert),)
    return DatasetProfile(
        rows=300,
        classes=1,
        rows_in_smallest_class=30,
        mean_characters=30,
        encoders=encoders,
        output_kind=OutputKind.NUMBERS,
    )


def go(recipe: Recipe, train: Table, resources: Resources) -> frozen.Frozen:
    return frozen.fit(recipe, regression.from_table(train), train, None, resources, lambda *_: True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"head": "ridge", "scaling": "standard", "alpha": 1.0},
        {"head": "logistic", "bins": 10},
        {"head": "mlp", "bins": 0},
        {"head": "mlp", "bins": 10},
        {"head": "knn", "bins": 200, "k": 5},
    ],
    ids=str,
)
def test_each_head_learns_numbers_and_reloads(
    hyperparameters: dict[str, str | float], profile: DatasetProfile, resources: Resources, tmp_path: Path
) -> None:
    train, other = made(300), made(90, seed=1)
    task = regression.from_table(train)
    model = go(frozen.portfolio(profile)[0].replace(**hyperparameters), train, resources)  # type: ignore[arg-type]
    assert model.head.link.kind == ("mean" if hyperparameters.get("bins") else "identity")
    outputs = model.outputs(other)
    assert (outputs.shape, outputs.dtype) == ((90, 1), np.float32)
    assert task.score(task.encode(other), outputs) > 0.4
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    opened = frozen.load(tmp_path / "model")
    assert np.array_equal(opened.outputs(other), model.head.outputs(opened.graph.run(other.full_text.tolist())))
    assert np.abs(opened.outputs(other) - outputs).mean() < 2e-2


def test_numbers_are_offered_heads_of_their_own(profile: DatasetProfile, resources: Resources) -> None:
    offered = frozen.portfolio(profile)
    assert {r["head"] for r in offered} == {"logistic", "ridge", "mlp", "knn"}
    assert not any("class_weights" in dict(r.hyperparameters) for r in offered)
    assert "prototype" not in next(k for k in frozen.search_space(profile) if k.name == "head").values
    assert frozen.cost(offered[0], profile, made(60), resources).seconds > 0


def test_an_effort_below_one_takes_rows_of_every_size() -> None:
    train = made(1000)
    part = train.take(frozen._part(regression.from_table(train).strata(train), 0.3, seed=0))
    assert len(part) == 300
    assert part.target is not None
    assert float(np.std(part.target.astype(float))) == pytest.approx(float(np.std(train.target.astype(float))), rel=0.2)


def test_a_link_that_does_not_go_with_a_head_is_refused(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).random((30, 8), np.float32)
    head = heads.fit_neighbours(vectors, np.arange(30) % 3, 3, Scaling.fitted(vectors, "unit"), 5, 0)
    heads.Head(head.kind, head.scaling, head.arrays, Link("mean", (1.0, 2.0))).save(tmp_path)
    with pytest.raises(BundleError, match="damaged"):
        heads.open_head(tmp_path, 8)
