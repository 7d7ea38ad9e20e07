"""Family frozen: every head learns, is stored without pickle and answers the same without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from penna import tasks
from penna.budget import Deadline, OutOfTime, Resources
from penna.data.table import Table
from penna.errors import BundleError, EncoderError
from penna.heads import heads
from penna.heads.heads import Scaling
from penna.models.frozen import family as frozen
from penna.models.frozen import throughput
from penna.search.recipe import DatasetProfile, Recipe

HEADS = ("logistic", "knn", "mlp", "prototype")
WORDS = {
    "money": ["card", "payment", "money", "lost"],
    "film": ["film", "story", "good", "bad"],
    "what": ["what", "who"],
}


def made(rows: int, seed: int = 0, labels: tuple[str, ...] = tuple(WORDS)) -> Table:
    """Rows of a few words, some of which tell the label."""
    draw = np.random.default_rng(seed)
    target = np.array([labels[i % len(labels)] for i in range(rows)], dtype=object)
    texts = np.empty(rows, dtype=object)
    for i, label in enumerate(target):
        texts[i] = " ".join(
            [*draw.choice(WORDS[label], 3), *draw.choice(["the", "is", "my", "your"], draw.integers(1, 6))]
        )
    return Table({"text": texts}, target=target, rows=np.arange(1, rows + 1))


@pytest.fixture
def profile(tiny_bert: Path) -> DatasetProfile:
    return DatasetProfile(
        rows=300, classes=3, rows_in_smallest_class=80, mean_characters=30, encoders=(str(tiny_bert),)
    )


def recipe(profile: DatasetProfile, **hyperparameters: str | float) -> Recipe:
    return frozen.portfolio(profile)[0].replace(**hyperparameters)  # type: ignore[arg-type]


def go(chosen: Recipe, train: Table, resources: Resources, valid: Table | None = None) -> frozen.Frozen:
    return frozen.fit(chosen, tasks.find("classification", train), train, valid, resources, lambda *_: True)


def accuracy(model: frozen.Frozen, table: Table) -> float:
    y = tasks.find("classification", table).encode(table)
    return float((model.outputs(table).argmax(axis=1) == y).mean())


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("labels", [("money", "film"), ("money", "film", "what")])
def test_each_head_learns_and_answers_the_same_from_its_folder(
    head: str, labels: tuple[str, ...], profile: DatasetProfile, resources: Resources, tmp_path: Path
) -> None:
    train, other = made(240, labels=labels), made(90, seed=1, labels=labels)
    model = go(recipe(profile, head=head), train, resources, other)
    outputs = model.outputs(other)
    assert accuracy(model, other) > 0.9
    assert outputs.shape == (90, len(labels))
    assert outputs.dtype == np.float32
    assert np.allclose(outputs.sum(axis=1), 1, atol=1e-5)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    opened = frozen.load(tmp_path / "model")
    # Float32 against what is fastest here; of k-NN a neighbour may change its place.
    assert np.abs(opened.outputs(other) - outputs).mean() < 1e-2
    exact = model.head.outputs(opened.graph.run(other.full_text.tolist()))
    assert np.array_equal(opened.outputs(other), exact)


@pytest.mark.slow
@pytest.mark.parametrize("scaling", ["none", "unit", "standard", "both"])
@pytest.mark.parametrize("head", ["logistic", "knn", "mlp"])
def test_scalings_and_class_weights_work_with_every_head(
    scaling: str, head: str, profile: DatasetProfile, resources: Resources
) -> None:
    chosen = recipe(profile, scaling=scaling, head=head, class_weights="balanced", pooling="max", depth=0.5)
    # Chance is a third; how far a small MLP gets in its epochs differs between processors (0.77 to 1).
    assert accuracy(go(chosen, made(240), resources), made(60, seed=2)) > 0.6


@pytest.mark.parametrize("head", HEADS)
def test_the_same_seed_gives_the_same_outputs(head: str, profile: DatasetProfile, resources: Resources) -> None:
    train, other = made(150), made(30, seed=1)
    first, second = (go(recipe(profile, head=head), train, resources).outputs(other) for _ in range(2))
    assert np.array_equal(first, second)


def test_balanced_weights_help_the_rare_class(profile: DatasetProfile, resources: Resources) -> None:
    train = made(300).take(np.array([i for i in range(300) if i % 3 or i < 9]))
    plain, fair = (
        go(recipe(profile, c=0.01, class_weights=how), train, resources).outputs(made(90, seed=1)).mean(axis=0)
        for how in ("none", "balanced")
    )
    rare = tasks.find("classification", train).classes.index("money")
    assert fair[rare] > 2 * plain[rare]


@pytest.mark.parametrize("head", HEADS)
def test_two_rows_in_a_class_are_enough(head: str, profile: DatasetProfile, resources: Resources) -> None:
    outputs = go(recipe(profile, head=head), made(6), resources).outputs(made(5, seed=3))
    assert np.isfinite(outputs).all()


def test_valid_rows_and_a_second_head_cost_no_second_embedding(profile: DatasetProfile, resources: Resources) -> None:
    train, valid = made(60), made(30, seed=1)
    go(recipe(profile), train, resources, valid)
    late = Resources(resources.cache, Deadline(0.5), 1)
    assert accuracy(go(recipe(profile, head="prototype"), train, late, valid), valid) > 0.8
    over = Resources(resources.cache, Deadline(0.0), 1)
    for other in ({"pooling": "cls"}, {"head": "prototype"}):  # a head that was not fitted answers the same to all
        with pytest.raises(OutOfTime):
            go(recipe(profile, **other), train, over, valid)


def test_the_cost_knows_what_is_cached(profile: DatasetProfile, resources: Resources) -> None:
    train = made(240)
    before = frozen.cost(recipe(profile), profile, train, resources)
    go(recipe(profile), train, resources)
    after = frozen.cost(recipe(profile), profile, train, resources)
    assert 0 < after.seconds < before.seconds
    assert before.size_mb is not None
    assert before.size_mb < 1
    assert before.latency_ms is not None
    assert before.latency_ms > 0


def test_too_little_time_shrinks_the_rows_or_gives_up(profile: DatasetProfile, resources: Resources) -> None:
    train = made(1000)
    whole = frozen.cost(recipe(profile), profile, train, resources).seconds
    none = frozen.cost(recipe(profile).replace(fidelity=1e-9), profile, train, resources).seconds
    smaller = frozen.shrink(recipe(profile), profile, train, resources, (whole + none) / 2)
    assert smaller is not None
    assert 0.3 < smaller.fidelity < 0.6
    assert frozen.shrink(recipe(profile), profile, train, resources, none) is None


def test_fidelity_below_one_keeps_every_class() -> None:
    y = np.array([0] * 900 + [1] * 99 + [2])
    part = frozen._part(y, 0.3, seed=0)
    assert len(part) == 300
    assert set(y[part]) == {0, 1, 2}
    assert np.array_equal(part, np.unique(part))


def test_few_examples_bring_the_heads_that_need_few() -> None:
    def first(smallest: int) -> list[str]:
        profile = DatasetProfile(
            rows=300, classes=3, rows_in_smallest_class=smallest, mean_characters=30, encoders=("a",)
        )
        return [recipe["head"] for recipe in frozen.portfolio(profile)[:3]]

    assert first(10) == ["logistic", "prototype", "logistic"]
    assert first(500) == ["logistic"] * 3


def offers(*encoders: Path) -> DatasetProfile:
    names = tuple(map(str, encoders))
    return DatasetProfile(rows=300, classes=3, rows_in_smallest_class=80, mean_characters=30, encoders=names)


def test_encoder_is_offered_at_its_trained_depths(tiny_bert: Path, tiny_cycle: Path) -> None:
    def depths(*encoders: Path) -> list[float]:
        return [r["depth"] for r in frozen.portfolio(offers(*encoders)) if (r["head"], r["c"]) == ("logistic", 30.0)]

    assert depths(tiny_bert) == [1.0, 0.67]
    assert depths(tiny_cycle) == [1.0, 0.5, 0.25]
    assert depths(tiny_bert, tiny_cycle) == [1.0, 1.0, 0.67, 0.5, 0.25]
    hyperparameters = [
        next(k for k in frozen.search_space(offers(*e)) if k.name == "depth") for e in ((tiny_bert,), (tiny_cycle,))
    ]
    assert [k.values for k in hyperparameters] == [(1.0, 0.67, 0.5), (1.0, 0.5, 0.25)]
    both = next(k for k in frozen.search_space(offers(tiny_bert, tiny_cycle)) if k.name == "depth")
    assert both.values == (1.0, 0.67, 0.5, 0.25)


@pytest.mark.slow
def test_smaller_depth_of_shared_layers_saves_only_time(tiny_cycle: Path, resources: Resources) -> None:
    work, train = offers(tiny_cycle), made(240)
    whole, cut = (frozen.cost(recipe(work, depth=d), work, train, resources) for d in (1.0, 0.25))
    assert whole.size_mb == cut.size_mb
    assert whole.latency_ms is not None
    assert cut.latency_ms is not None
    assert cut.latency_ms < 0.7 * whole.latency_ms
    assert cut.seconds < whole.seconds


def test_a_cut_block_of_albert_is_served_as_it_was_fitted(
    tiny_cycle: Path, resources: Resources, tmp_path: Path
) -> None:
    other = made(30, seed=1)
    model = go(recipe(offers(tiny_cycle), depth=0.25), made(90), resources)
    assert model.source.setting.depth == 3
    model.save(tmp_path)
    opened = frozen.load(tmp_path)
    assert opened.graph.facts.depth == 3
    assert np.abs(opened.outputs(other) - model.outputs(other)).mean() < 2e-2


def test_without_an_encoder_nothing_is_offered() -> None:
    profile = DatasetProfile(rows=300, classes=3, rows_in_smallest_class=80, mean_characters=30)
    assert frozen.portfolio(profile) == []
    assert frozen.search_space(profile) == ()


def test_a_missing_encoder_is_named(profile: DatasetProfile, resources: Resources) -> None:
    with pytest.raises(EncoderError, match="no such folder"):
        go(recipe(profile, encoder="/no/such/folder"), made(60), resources)


@pytest.mark.slow
def test_opening_and_answering_never_import_torch(
    profile: DatasetProfile, resources: Resources, tmp_path: Path
) -> None:
    go(recipe(profile), made(60), resources).save(tmp_path)
    code = """
import sys, numpy as np
from pathlib import Path
from penna.models.frozen import family as frozen
from penna.data.table import Table
texts = np.array(["a good film", "lost my card"], dtype=object)
assert frozen.load(Path(sys.argv[1])).outputs(Table({"text": texts})).shape == (2, 3)
assert not {"torch", "transformers", "sklearn"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


@pytest.mark.parametrize("shapes", [{"coef": (1, 8)}, {"coef": (3, 1)}, {"intercept": (1,)}, {"coef": (3, 8, 1)}])
def test_arrays_of_a_head_that_would_be_stretched_are_refused(shapes: dict, tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).random((30, 8), np.float32)
    heads.fit_prototypes(vectors, np.arange(30) % 3, 3).save(tmp_path)
    with np.load(tmp_path / "head.npz") as file:
        stored = dict(file)
    np.savez(tmp_path / "head.npz", **(stored | {name: np.ones(shape, np.float32) for name, shape in shapes.items()}))
    with pytest.raises(BundleError, match=r"head\.npz"):
        heads.open_head(tmp_path, 8)


@pytest.mark.parametrize("harm", ["cut", "gone", "kind", "newer", "width", "nan"])
def test_a_damaged_head_is_named(harm: str, tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).random((30, 8), np.float32)
    heads.fit_prototypes(vectors, np.arange(30) % 3, 3).save(tmp_path)
    assert heads.open_head(tmp_path, 8).outputs(vectors).shape == (30, 3)
    arrays, facts = tmp_path / "head.npz", tmp_path / "head.json"
    if harm == "cut":
        arrays.write_bytes(arrays.read_bytes()[:100])
    elif harm == "gone":
        arrays.unlink()
    elif harm == "nan":
        with np.load(arrays) as file:
            stored = dict(file)
        np.savez(arrays, **{**stored, "coef": stored["coef"] * np.nan})
    else:
        change = {"kind": {"kind": "tree"}, "newer": {"format": 99}, "width": {}}[harm]
        facts.write_text(json.dumps(json.loads(facts.read_text()) | change))
    with pytest.raises(
        BundleError, match="update penna" if harm == "newer" else r"head\.(npz|json) is (damaged|missing)"
    ):
        heads.open_head(tmp_path, 9 if harm == "width" else 8)


def test_neighbours_out_of_range_are_refused(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).random((30, 8), np.float32)
    heads.fit_neighbours(vectors, np.arange(30) % 3, 3, Scaling.fitted(vectors, "unit"), 5, 0).save(tmp_path)
    with np.load(tmp_path / "head.npz") as file:
        stored = dict(file)
    for spoilt in (
        {"k": np.array(99)}, {"k": np.array(0)}, {"labels": stored["labels"] + 7}, {"sharpness": np.array(-1e9)},
        {"prior": -stored["prior"]}, {"vectors": stored["vectors"][:, :1]},
    ):  # fmt: skip
        np.savez(tmp_path / "head.npz", **(stored | spoilt))
        with pytest.raises(BundleError, match="damaged"):
            heads.open_head(tmp_path, 8)


def test_minilm_knows_films_from_payments_by_two_examples_each(minilm: Path, resources: Resources) -> None:
    told = ["my card payment failed", "a wonderful movie", "my transfer did not arrive", "the plot is boring"]
    asked = ["the bank took my money twice", "the actors were dull", "how do I change my pin", "great cinema"]
    column, target = np.array(told + asked, dtype=object), np.array(["bank", "film"] * 4, dtype=object)
    table = Table({"text": column}, target=target, rows=np.arange(8))
    chosen = Recipe.of("frozen", encoder=str(minilm), head="prototype")
    assert accuracy(go(chosen, table.take(np.arange(4)), resources), table) == 1.0


@pytest.mark.slow
def test_measured_pace_expires_after_minutes(profile: DatasetProfile, resources: Resources) -> None:
    """A probe next to other work tells of the other work."""
    train = made(240)
    throughput._known.clear()
    honest = frozen.cost(recipe(profile), profile, train, resources).seconds
    (file,) = (resources.cache / "pace").iterdir()
    file.write_text('{"tokens": 1.0, "alone": 9.0}')
    throughput._known.clear()
    assert frozen.cost(recipe(profile), profile, train, resources).seconds > 100 * honest
    for forget in (True, False):  # by another process, and by the one that measured it
        os.utime(file, (1.0, 1.0))
        throughput._known = {} if forget else {key: (throughput._Rate(1.0, 9.0), 1.0) for key in throughput._known}
        assert frozen.cost(recipe(profile), profile, train, resources).seconds < 20 * honest
