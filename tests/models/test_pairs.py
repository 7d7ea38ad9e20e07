"""Pairs of texts: read, split, cleaned, learned by every family, packed, and served."""

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attacks
import penna
from penna.budget import Resources
from penna.data import readers, splits
from penna.data.output_kind import OutputKind
from penna.data.table import Field, Table
from penna.errors import BundleError, TableError
from penna.features import pair_overlap
from penna.inference.batch_predict import predict_file
from penna.models.finetune import family as finetune
from penna.models.frozen import family as frozen
from penna.models.linear import family as linear
from penna.models.trees import family as trees
from penna.preprocessing import serialize, validate
from penna.preprocessing.check_context import CheckContext
from penna.preprocessing.checks import pairs as looks
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import classification, regression

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

FRAME = pd.DataFrame(
    {
        "id": range(4),
        "sentence1": ["A cat sat.", "A dog ran.", "Birds fly high.", ""],
        "sentence2": ["A cat is sitting.", "A man slept.", "", "Nobody came."],
        "label": ["same", "other", "same", "other"],
    }
)


def pairs(first: list[str], second: list[str], target: list[Any] | None = None) -> Table:
    cells = {"a": np.array(first, dtype=object), "b": np.array(second, dtype=object)}
    labels = None if target is None else np.array(target, dtype=object)
    return Table(cells, labels, rows=np.arange(1, len(first) + 1), pair=("a", "b"))


def test_usual_column_names_make_a_pair():
    table, findings = readers.read(FRAME)
    assert table.pair == ("sentence1", "sentence2")
    assert [f.kind for f in findings] == ["pair"]
    assert "name both with --text" in findings[0].message


def test_both_columns_named_as_text_are_one_text():
    table, _ = readers.read(FRAME, text=["sentence1", "sentence2"])
    assert table.pair is None
    assert table.full_text[0] == "A cat sat.\nA cat is sitting."


def test_named_second_text_keeps_the_requested_order():
    frame = FRAME.rename(columns={"sentence1": "left", "sentence2": "right"})
    assert readers.read(frame, text_pair="right", apart=("id",))[0].pair == ("left", "right")
    turned, _ = readers.read(frame, text=["right"], text_pair="left")
    assert turned.pair == ("right", "left")
    assert list(turned.text) == ["right", "left"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"text_pair": "nothing"}, "there is no column 'nothing'"),
        ({"text_pair": "label", "target": "label"}, "something else: give it one role"),
        ({"text": ["sentence1", "id"], "text_pair": "sentence2"}, "first text of the pair"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_in_a_sentence(asked, said):
    with pytest.raises(TableError, match=said):
        readers.read(FRAME, **asked)


def test_a_question_is_a_pair_with_its_context_before_its_answer():
    frame = FRAME.rename(columns={"sentence1": "question", "sentence2": "answer"})
    assert readers.read(frame)[0].pair == ("question", "answer")
    assert readers.read(frame.assign(context="Cats sat there."))[0].pair == ("question", "context")


def test_a_list_of_twos_is_a_pair():
    table, _ = readers.read([("a b", "c d"), ("e f", "g h")], y=["x", "y"])
    assert table.pair == ("text_1", "text_2")


def test_swapped_pairs_differ_but_stay_in_one_fold():
    table = pairs(["x y", "z", "x", ""], ["z", "x y", "y z", "x"])
    turned = pairs(["z", "x y", "y z", "x"], ["x y", "z", "x", ""])
    assert not np.any(table.hashes == turned.hashes)
    assert np.array_equal(table.dedup_keys, turned.dedup_keys)
    assert len(np.unique(table.dedup_keys)) == 3  # the first two rows are one another's exchange
    assert np.array_equal(table.take(np.array([2, 0])).hashes, table.hashes[[2, 0]])


def test_copies_of_a_pair_stay_on_one_side_of_a_split():
    first, second = [f"text {i % 40}" for i in range(80)], [f"other {i % 40}!" for i in range(80)]
    plan = splits.plan(pairs(first, second), np.zeros(80, np.int64), folds=4)
    for train, valid in plan.folds:
        assert not {i % 40 for i in train} & {i % 40 for i in valid}


def test_a_pair_with_one_empty_side_is_counted_named_and_used():
    frame = pd.concat([FRAME.assign(sentence1=FRAME.sentence1 + str(i)) for i in range(6)])
    frame["sentence2"] = [f"{text} {i}" if text else "" for i, text in enumerate(frame.sentence2)]
    table, findings = validate.check(readers.read(frame)[0])
    assert len(table) == 24
    half = next(f for f in findings if f.kind == "half pair")
    assert half.count == 6
    assert half.rows[:2] == (3, 7)


def test_pairs_that_share_a_premise_are_no_near_copies():
    premise = "the quick brown fox jumps over the lazy dog and then goes home to sleep"
    table = pairs([premise, premise, premise + "!"], ["nobody sleeps", "a fox is at home", "Nobody sleeps."])
    assert CheckContext(table).kin.tolist() == [0, 1, 0]


def test_check_names_a_premise_on_both_sides():
    data = pairs(["one premise here"] * 3 + ["another one"], ["a b", "c d", "e f", "g h"])
    test = pairs(["one premise here", "a third one"], ["new words", "i j"])
    found = looks.find(CheckContext(data, test=CheckContext(test)))
    assert {f.kind: f.rows for f in found} == {"shared side": (1, 2, 3), "side leak": (1,)}


def test_columns_are_written_before_the_first_text():
    table = pairs(["x"], ["y"])
    table = Table(
        table.text, pair=table.pair, columns={"age": np.array(["34"], dtype=object)},
        fields={"age": Field("categorical")}, rows=table.rows,
    )  # fmt: skip
    written = serialize.written(table)
    assert written.pair == ("a", "b")
    assert written.full_text[0] == "age: 34.\nx\ny"


ANIMALS = ["cat", "dog", "bird", "fish", "horse", "mouse", "sheep", "goat", "wolf", "bear", "lion", "duck"]


def opposites(rows: int, seed: int = 0) -> Table:
    """Pairs that name one animal, or two: neither side tells alone."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(len(ANIMALS), size=(2, rows))
    second = np.where(rng.random(rows) < 0.5, first, second)
    texts = [f"a {ANIMALS[i]} was there {n}" for n, i in enumerate(first)]
    others = [f"there was the {ANIMALS[i]}" for i in second]
    return pairs(texts, others, [["other", "same"][int(a == b)] for a, b in zip(first, second, strict=True)])


def accuracy(model: Any, table: Table) -> float:
    task = classification.from_table(table)
    return float((task.decode(model.outputs(table)) == table.target).mean())


def test_frozen_encoder_learns_from_pair_differences(minilm: Path, resources: Resources):
    train, valid = opposites(300), opposites(100, seed=1)
    task = classification.from_table(train)
    recipe = Recipe.of("frozen", encoder=str(minilm), depth=0.34, length=32)
    apart = frozen.fit(recipe, task, train, valid, resources, lambda *_: True)
    assert accuracy(apart, valid) > 0.85


def saved(family: Any, model: Any, folder: Path) -> Any:
    folder.mkdir()
    model.save(folder)
    return family.load(folder)


@pytest.mark.parametrize("pair", ["apart", "joined"])
def test_frozen_pairs_are_served_as_they_were_trained(
    tiny_albert: Path, resources: Resources, tmp_path: Path, pair: str
):
    train = opposites(60)
    recipe = Recipe.of("frozen", encoder=str(tiny_albert), length=16, pair=pair)
    model = frozen.fit(recipe, classification.from_table(train), train, None, resources, lambda *_: True)
    served = saved(frozen, model, tmp_path / pair)
    assert np.abs(served.outputs(train) - model.outputs(train)).max() < 0.05
    assert not np.allclose(served.outputs(train), served.outputs(exchanged(train)), atol=1e-4)


def exchanged(table: Table) -> Table:
    first, second = table.text.values()
    return Table({"a": second, "b": first}, rows=table.rows, pair=("a", "b"))


@pytest.mark.parametrize("kind", ["albert", "bert", "distilbert"])
@pytest.mark.parametrize("pair", ["joined", "apart"])
@pytest.mark.parametrize("head_start", ["random", "logistic"])
def test_a_fine_tune_of_pairs_is_served_as_it_was_trained(
    tiny: Callable[[str], Path], resources: Resources, tmp_path: Path, kind: str, pair: str, head_start: str
):
    train = opposites(80)
    chosen = {"length": 24, "epochs": 2.0, "lr": 1e-3, "pair": pair, "head_start": head_start}
    recipe = Recipe.from_values("finetune", {**chosen, "encoder": str(tiny(kind))})
    model = finetune.fit(recipe, classification.from_table(train), train, opposites(30, 1), resources, lambda *_: True)
    served = saved(finetune, model, tmp_path / kind)
    assert np.abs(served.outputs(train) - model.outputs(train)).max() < 0.03
    assert not np.allclose(served.outputs(train), served.outputs(exchanged(train)), atol=1e-4)


@pytest.mark.parametrize("pair", ["joined", "apart"])
def test_a_fine_tune_learns_from_both_texts(minilm: Path, resources: Resources, pair: str):
    train, valid = opposites(250), opposites(80, seed=1)
    chosen = {"depth": 0.34, "length": 32, "epochs": 6.0, "lr": 3e-4, "pair": pair}
    recipe = Recipe.from_values("finetune", {**chosen, "encoder": str(minilm)})
    model = finetune.fit(recipe, classification.from_table(train), train, None, resources, lambda *_: True)
    assert accuracy(model, valid) > 0.8  # the commonest class is about half


def told_by_overlap(rows: int, seed: int = 0) -> Table:
    """Other words in every row: what tells is whether the second text repeats the first."""
    rng = np.random.default_rng(seed)
    first = [" ".join(f"w{i}" for i in rng.integers(10_000, size=6)) for _ in range(rows)]
    labels = rng.choice(["same", "other"], rows)
    strange = [" ".join(f"w{i}" for i in rng.integers(10_000, size=6)) for _ in range(rows)]
    second = [a + " indeed" if label == "same" else b for a, b, label in zip(first, strange, labels, strict=True)]
    return pairs(first, second, labels.tolist())


@pytest.mark.parametrize("number", range(4))
def test_linear_models_see_what_two_texts_share(resources: Resources, tmp_path: Path, number: int):
    train, valid = told_by_overlap(150), told_by_overlap(60, seed=1)
    recipe = [r for r in linear.portfolio(PROFILE) if not r.get("nb")][number]
    model = linear.fit(recipe, classification.from_table(train), train, None, resources, lambda *_: True)
    if recipe["classifier"] != "complement_nb":  # which counts n-grams alone
        assert accuracy(model, valid) > 0.9
    served = saved(linear, model, tmp_path / "made")
    assert np.array_equal(served.outputs(valid), model.outputs(valid))
    assert not np.allclose(served.outputs(valid), served.outputs(exchanged(valid)))


PROFILE = DatasetProfile(rows=150, classes=2, rows_in_smallest_class=70, mean_characters=60.0, pair=True)


def test_linear_models_learn_numbers_from_pairs(resources: Resources, tmp_path: Path):
    train = told_by_overlap(150)
    train = Table(
        train.text, np.array([float(x == "same") for x in train.target], dtype=object), rows=train.rows, pair=train.pair
    )
    model = linear.fit(
        linear.portfolio(PROFILE)[0].replace(classifier="ridge", alpha=1.0),
        regression.from_table(train), train, None, resources, lambda *_: True,
    )  # fmt: skip
    answers = saved(linear, model, tmp_path / "made").outputs(train)[:, 0]
    assert np.corrcoef(answers, train.target.astype(float))[0, 1] > 0.9


def test_the_terms_of_a_pair_add_up_to_its_margins(resources: Resources):
    train = told_by_overlap(120)
    model = linear.fit(
        linear.portfolio(PROFILE)[0], classification.from_table(train), train, None, resources, lambda *_: True
    )
    row = train.take(np.array([3]))
    terms = model.terms(row)
    assert terms.text == row.full_text[0]
    assert model.link(terms.margins[None, :].astype(np.float32)) == pytest.approx(model.outputs(row), abs=1e-5)
    words = {terms.text[a:b] for a, b in zip(terms.starts, terms.ends, strict=True)}
    assert set(row.full_text[0].split()) <= words
    assert "rare words shared" in terms.columns


def test_a_damaged_overlap_is_refused(resources: Resources, tmp_path: Path):
    from safetensors.numpy import load_file, save_file

    train = told_by_overlap(60)
    model = linear.fit(
        linear.portfolio(PROFILE)[0], classification.from_table(train), train, None, resources, lambda *_: True
    )
    saved(linear, model, tmp_path / "made")
    file = tmp_path / "made" / "overlap.safetensors"
    save_file(load_file(file) | {"mean": np.full(19, np.nan, np.float32)}, file)
    with pytest.raises(BundleError, match="mean"):
        linear.load(tmp_path / "made")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_can_be_compared(first: str, second: str):
    table = pairs([first, second, first], [second, first, first])
    fitted, found = pair_overlap.fit(table)
    assert np.isfinite(found).all()
    assert pair_overlap.plain(table, fitted.rarity)[2, pair_overlap.NAMES.index("equal")] == 1


@pytest.fixture(scope="module")
def fitted() -> penna.AutoText:
    train = told_by_overlap(120)
    frame = pd.DataFrame({"premise": train.text["a"], "hypothesis": train.text["b"], "label": train.target})
    return penna.AutoText(budget=12, families=("linear",), n_jobs=1).fit(frame, "label")


def test_a_fitted_model_takes_pairs_in_every_form(fitted: penna.AutoText):
    rows = [("w1 w2 w3 w4", "w1 w2 w3 w4 indeed"), ("w1 w2 w3 w4", "w5 w6 w7 w8"), ("", "w5")]
    answers = fitted.predict(rows).tolist()
    assert answers[:2] == ["same", "other"]
    frame = pd.DataFrame(rows, columns=["premise", "hypothesis"])
    forms = [frame, frame[["hypothesis", "premise"]], np.array(rows, dtype=object), [list(row) for row in rows]]
    forms += [frame.to_dict("records")]
    assert all(fitted.predict(form).tolist() == answers for form in forms)
    assert pickle.loads(pickle.dumps(fitted.bundle_)).predict(rows).tolist() == answers
    assert fitted.predict([]).tolist() == []


@pytest.mark.parametrize("rows", [["one text"], [("a", "b", "c")], ("a", "b")])
def test_what_is_no_pair_is_refused(fitted: penna.AutoText, rows: Any):
    with pytest.raises(TableError, match=r"predict\(\[\(first, second\)\]\)"):
        fitted.predict(rows)


def test_pair_file_streams_and_half_pairs_are_named(fitted: penna.AutoText, tmp_path: Path):
    valid = told_by_overlap(30, seed=2)
    frame = pd.DataFrame({"premise": valid.text["a"], "hypothesis": valid.text["b"], "label": valid.target})
    frame.loc[4, "hypothesis"] = ""
    frame.to_csv(tmp_path / "rows.csv", index=False)
    rows, findings = predict_file(fitted.bundle_, tmp_path / "rows.csv", tmp_path / "out.csv", chunk=7)
    assert rows == 30
    assert [(f.kind, f.rows) for f in findings] == [("half", (5,))]
    made = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert made.prediction.tolist() == fitted.predict(frame).tolist()
    assert fitted.bundle_.evaluate(tmp_path / "rows.csv")["accuracy"][0] > 0.8


def test_a_file_without_its_second_text_is_refused_by_name(fitted: penna.AutoText, tmp_path: Path):
    (tmp_path / "rows.csv").write_text("premise,label\na b c,same\n")
    with pytest.raises(TableError, match="no column 'hypothesis'"):
        predict_file(fitted.bundle_, tmp_path / "rows.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("text", ["overlap", "overlap+counts+linear"])
def test_trees_read_what_two_texts_share(resources: Resources, tmp_path: Path, text: str):
    train, valid = told_by_overlap(150), told_by_overlap(60, seed=1)
    recipe = trees.portfolio(PROFILE)[0].replace(text=text, trees=40)
    model = trees.fit(recipe, classification.from_table(train), train, None, resources, lambda *_: True)
    assert accuracy(model, valid) > 0.9
    served = saved(trees, model, tmp_path / "made")
    assert np.allclose(served.outputs(valid), model.outputs(valid), atol=1e-6)


def test_trees_are_offered_only_for_pairs_and_columns():
    assert trees.portfolio(PROFILE)
    assert not trees.portfolio(replace(PROFILE, pair=False))
    assert trees.search_space(PROFILE)


@pytest.mark.parametrize("output_kind", [OutputKind.CLASS_PROBABILITIES, OutputKind.NUMBERS])
def test_pairs_are_offered_apart_and_joined(tiny_bert: Path, output_kind: OutputKind):
    profile = replace(PROFILE, encoders=(str(tiny_bert),), output_kind=output_kind, rows=4000)
    for family in (frozen, finetune):
        assert {family.settings(recipe)["pair"] for recipe in family.portfolio(profile)} == {"apart", "joined"}
        assert "pair" in {hyperparameter.name for hyperparameter in family.search_space(profile)}
        assert "pair" not in {
            hyperparameter.name for hyperparameter in family.search_space(replace(profile, pair=False))
        }


def test_card_describes_how_to_pass_pairs(fitted: penna.AutoText):
    card = (fitted.bundle_.folder / "README.md").read_text()
    assert 'predict([("premise ...", "hypothesis ...")])' in card
    assert "It reads premise + hypothesis" in card


def test_a_pair_of_one_text_in_a_manifest_is_damage(fitted: penna.AutoText, tmp_path: Path):
    shutil.copytree(fitted.bundle_.folder, tmp_path / "made")
    file = tmp_path / "made" / "manifest.json"
    file.write_text(file.read_text().replace('"hypothesis"', '"hypothesis", "more"'))
    attacks.seal(tmp_path / "made")
    with pytest.raises(BundleError, match="no pair"):
        penna.load(tmp_path / "made")
