"""Models of words: a conditional random field and an encoder with a head on words, from fit to what is served."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from penna import AutoText, load, plugins, tasks
from penna.artifact import bundle
from penna.automl import evaluate
from penna.budget import Budget
from penna.data import ragged, word_offsets
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import BundleError, SettingError
from penna.search.recipe import DatasetProfile, Recipe

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

NAMES, CITIES = ("card", "money", "film"), ("good", "bad", "lost")


def rows(n, seed=0):
    """Sentences in which a name follows "my" and a place of one or two words follows "where"."""
    rng = np.random.default_rng(seed)
    texts, tags = [], []
    for _ in range(n):
        words, row = [], []
        for _ in range(rng.integers(1, 4)):
            kind = rng.integers(3)
            if kind == 0:
                words += ["my", str(rng.choice(NAMES))]
                row += ["O", "B-PER"]
            elif kind == 1:
                size = int(rng.integers(1, 3))
                words += ["where", *map(str, rng.choice(CITIES, size))]
                row += ["O", "B-LOC", *["I-LOC"] * (size - 1)]
            else:
                words += ["the", str(rng.choice(NAMES + CITIES))]
                row += ["O", "O"]
        texts.append(word_offsets.joined(words))
        tags.append(tuple(row))
    return Table({"tokens": ragged.objects(texts)}, ragged.objects(tags), rows=np.arange(1, n + 1), target_name="tags")


def profile(task, encoders=()):
    return DatasetProfile(
        rows=200,
        classes=task.columns,
        rows_in_smallest_class=9,
        mean_characters=30,
        output_kind=OutputKind.TAGS,
        encoders=encoders,
    )


def learnt(family, recipe, resources, n=300):
    train, test = rows(n), rows(60, seed=1)
    task = tasks.find("auto", train)
    model = plugins.find("models", family).fit(recipe, task, train, None, resources, lambda *_: True)
    return task, model, test


@pytest.mark.parametrize("number", [0, 1])
def test_crf_learns_and_predicts_the_same_from_disk(number, resources, tmp_path):
    crf = plugins.find("models", "crf")
    task = tasks.find("auto", rows(50))
    recipe = crf.portfolio(profile(task))[number]
    task, model, test = learnt("crf", recipe, resources)
    outputs = model.outputs(test)
    assert task.score(task.encode(test), outputs) > 0.9
    assert [row.shape for row in outputs] == [(len(t.split()), task.columns) for t in test.full_text]
    assert all(np.allclose(row.sum(axis=1), 1, atol=1e-5) for row in outputs)
    (tmp_path / "m").mkdir()
    model.save(tmp_path / "m")
    again = crf.load(tmp_path / "m")
    for i in range(5):
        np.testing.assert_allclose(again.outputs(test.take(np.array([i])))[0], outputs[i], atol=1e-6)
    cost = crf.cost(recipe, profile(task), test, resources)
    assert cost.seconds > 0
    assert crf.shrink(recipe, profile(task), rows(300), resources, 0.5 * cost.seconds + 1).fidelity <= 1


@pytest.mark.parametrize("damage", [b"{}", b"", b'{"names": [1], "rule": "spaces", "affixes": 1, "window": 1}'])
def test_a_damaged_field_is_refused(damage, resources, tmp_path):
    crf = plugins.find("models", "crf")
    _, model, _ = learnt("crf", crf.portfolio(profile(tasks.find("auto", rows(50))))[0], resources, 60)
    model.save(tmp_path)
    (tmp_path / "crf.json").write_bytes(damage)
    with pytest.raises(BundleError, match="damaged"):
        crf.load(tmp_path)


def test_an_empty_text_and_no_rows_are_answered(resources):
    crf = plugins.find("models", "crf")
    _, model, _ = learnt("crf", crf.portfolio(profile(tasks.find("auto", rows(50))))[0], resources, 60)
    texts = Table({"tokens": ragged.objects(["", "my \ud800 \U0001f600", "\u0301"])})
    assert [row.shape[0] for row in model.outputs(texts)] == [0, 3, 1]
    assert len(model.outputs(Table({"tokens": ragged.objects([])}))) == 0


@pytest.mark.parametrize(("kind", "crf"), [("bert", False), ("albert", False), ("bert", True)])
def test_an_encoder_learns_words_and_is_served_without_torch(kind, crf, tiny, resources, tmp_path):
    tagger = plugins.find("models", "tagger")
    hyperparameters = tagger._USUAL | {
        "encoder": str(tiny(kind)),
        "epochs": 25.0,
        "lr": 3e-3,
        "head_lr": 1.0,
        "length": 16,
    }
    hyperparameters |= {"crf": crf}
    task, model, test = learnt("tagger", Recipe.from_values("tagger", hyperparameters), resources, 100)
    outputs = model.outputs(test)
    assert task.score(task.encode(test), outputs) > 0.5
    (tmp_path / "parts").mkdir()
    model.save(tmp_path / "parts")
    opened = tagger.load(tmp_path / "parts")
    assert 0 < opened.graph.facts.parity < 1e-3
    written = bundle.write(tmp_path / "model", task, "tagger", opened, {"text_columns": ["tokens"], "target": "tags"})
    assert written.manifest["parity"] == opened.graph.facts.parity
    assert (opened.transitions is not None) == crf
    assert max(float(np.abs(a - b).max()) for a, b in zip(opened.outputs(test), outputs, strict=True)) < 0.05
    empty = opened.outputs(Table({"tokens": ragged.objects(["", "\u200d", "my"])}))
    assert [row.shape for row in empty] == [(0, task.columns), (1, task.columns), (1, task.columns)]


def test_crf_learns_tag_sequences(tiny_bert, resources):
    tagger = plugins.find("models", "tagger")
    hyperparameters = tagger._USUAL | {"encoder": str(tiny_bert), "epochs": 10.0, "lr": 3e-3, "length": 16, "crf": True}
    task, model, _ = learnt("tagger", Recipe.from_values("tagger", hyperparameters), resources, 100)
    steps = model.network.transitions.detach().numpy()
    first, inside = task.types.index("LOC") * 2 + 1, task.types.index("LOC") * 2 + 2
    assert steps[first, inside] > 0.1  # a place of two words is as likely as one of one
    assert steps[0, inside] == steps[inside - 2, inside] == -30


def test_crf_is_offered_unless_there_are_too_many_tags(tiny_bert):
    tagger = plugins.find("models", "tagger")
    few = replace(profile(tasks.find("auto", rows(50))), encoders=(str(tiny_bert),))
    for offer, chains in ((few, {False, True}), (replace(few, classes=2001), {False})):
        (hyperparameter,) = (
            hyperparameter for hyperparameter in tagger.search_space(offer) if hyperparameter.name == "crf"
        )
        portfolio = tagger.portfolio(offer)
        assert set(hyperparameter.values) == {recipe["crf"] for recipe in portfolio} == chains
        assert len(set(portfolio)) == len(portfolio)


@pytest.mark.parametrize("damage", ['{"rule": "spaces"}', '{"rule": "x", "cues": []}', "[]", ""])
def test_damaged_words_of_a_tagger_are_refused(damage, tiny_bert, resources, tmp_path):
    tagger = plugins.find("models", "tagger")
    hyperparameters = tagger._USUAL | {"encoder": str(tiny_bert), "epochs": 1.0, "length": 16, "crf": True}
    task, model, _ = learnt("tagger", Recipe.from_values("tagger", hyperparameters), resources, 20)
    model.save(tmp_path)
    said = json.loads((tmp_path / "words.json").read_text())
    (tmp_path / "words.json").write_text(damage)
    with pytest.raises(BundleError, match="damaged"):
        tagger.load(tmp_path)
    (tmp_path / "words.json").write_text(json.dumps(said | {"transitions": [[0.0, 1e9]] * task.columns}))
    with pytest.raises(BundleError, match="does not go with its graph"):
        tagger.load(tmp_path)


def test_entity_begins_after_a_word_the_encoder_misses():
    y = np.array([[2, 2, 0, 2, 2, 4, 3, 4, -100]])
    assert plugins.find("models", "tagger")._begun(y).tolist() == [[2, 2, 0, 1, 2, 3, 3, 4, -100]]


def test_a_long_text_is_read_by_windows_to_its_end(tiny_bert, resources, tmp_path):
    tagger = plugins.find("models", "tagger")
    hyperparameters = tagger._USUAL | {
        "encoder": str(tiny_bert),
        "epochs": 25.0,
        "lr": 3e-3,
        "head_lr": 1.0,
        "length": 16,
    }
    task, model, _ = learnt("tagger", Recipe.from_values("tagger", hyperparameters), resources, 100)
    short, many = ("the film", "my card", "where bad"), 200
    long = Table({"tokens": ragged.objects([word_offsets.joined(" ".join(short * many).split())])})
    (answers,) = task.decode(model.outputs(long))
    assert len(answers) == 6 * many
    assert answers[-6:].count("O") < 6
    model.save(tmp_path)
    (served,) = task.decode(tagger.load(tmp_path).outputs(long))
    assert np.mean([a == b for a, b in zip(answers, served, strict=True)]) > 0.98


def test_an_encoder_that_answers_for_texts_is_no_tagger(tiny_bert, tmp_path):
    from penna.encoders import checkpoints
    from penna.export.onnx import encoder_export

    found = checkpoints.find(str(tiny_bert))
    module = checkpoints.load_module(found, depth=1, dropout=0.0).eval()
    encoder_export.write_graph(module, found, tmp_path, length=16)
    with pytest.raises(BundleError, match="does not answer for words"):
        plugins.find("models", "tagger").load(tmp_path)


def test_taggers_are_blended_by_a_search_and_when_served(resources, tmp_path):
    from penna.automl.selection import OutOfFoldScores
    from penna.automl.selection import blend as choose
    from penna.models import ensemble
    from penna.search.trials import State, Trial

    crf = plugins.find("models", "crf")
    task = tasks.find("auto", rows(50))
    test = rows(200, 3)
    y = task.encode(test)
    noise = [np.random.default_rng(seed) for seed in range(3)]
    perfect = [np.eye(task.columns, dtype=np.float32)[row] for row in y]
    answers = [ragged.objects(row + 1.2 * rng.random(row.shape) for row in perfect) for rng in noise]
    trials = [
        Trial(
            Recipe.of(f"f{i}"),
            State.COMPLETE,
            folds=(0,),
            scores=(task.score(y, a),),
            score_std_errors=(0.01,),
            number=i,
        )
        for i, a in enumerate(answers)
    ]
    evidence = OutOfFoldScores(task, lambda fold: y, lambda trial, fold: answers[trial.number], (0,))
    choice = choose(trials, evidence, lambda members: True)
    assert choice.score > max(t.score for t in trials)
    _, model, _ = learnt("crf", crf.portfolio(profile(task))[0], resources, 60)
    both = ensemble.Ensemble([("crf", 0.5, model), ("crf", 0.5, model)])
    both.save(tmp_path)
    for one, other in zip(ensemble.load(tmp_path).outputs(test), model.outputs(test), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_outputs_of_words_are_scored_and_kept_by_a_search(resources):
    train = rows(200)
    task = tasks.find("auto", train)
    index = np.arange(200)
    work = evaluate.SearchProblem(task, train, [(index[50:], index[:50])], profile(task), Budget())
    recipe = plugins.find("models", "crf").portfolio(profile(task))[0]
    outcome = evaluate.evaluate(recipe, work, (0,), resources, lambda *_: True)
    assert outcome.trial.reason == ""
    assert outcome.trial.score > 0.8


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A run on lists of words, from a file."""
    folder = tmp_path_factory.mktemp("tag")
    made = rows(240)
    lines = [{"tokens": t.split(" "), "tags": list(y)} for t, y in zip(made.full_text, made.target, strict=True)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    auto = AutoText(budget=12, families=("linear",), n_jobs=1, out=folder / "run", max_size_mb=50)
    return auto.fit(folder / "train.jsonl"), folder


def test_a_search_finds_packs_and_examines_a_tagger(fitted):
    auto, folder = fitted
    assert auto.bundle_.task.name == "token_classification"
    assert "parity" not in auto.bundle_.manifest  # no graph, no network
    assert auto.test_scores_["entity_f1"][0] > 0.8
    assert set(auto.test_scores_["by_class"][0]) == {"label", "entities", "precision", "recall", "f1"}
    assert {t.recipe.family for t in auto.trials_} == {"crf"}
    answers = auto.predict([["my", "money"], ["where", "good", "bad"]])
    assert answers.tolist() == [["O", "B-PER"], ["O", "B-LOC", "I-LOC"]]
    assert auto.score(rows(30, 2).full_text.tolist(), rows(30, 2).target.tolist()) > 0.8
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "entity f1" in page.lower()
    assert "PER" in page


def test_a_tagger_is_opened_evaluated_and_streams(fitted, tmp_path):
    from penna.inference.batch_predict import predict_file

    _, folder = fitted
    model = load(folder / "run")
    assert model.evaluate(folder / "train.jsonl")["entity_f1"][0] > 0.9
    predict_file(model, folder / "train.jsonl", tmp_path / "out.jsonl")
    first = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert len(first["prediction"]) == len(first["tokens"])
    predict_file(model, folder / "train.jsonl", tmp_path / "out.csv")
    import pandas as pd

    told = pd.read_csv(tmp_path / "out.csv")
    assert json.loads(told.prediction[0]) == first["prediction"]
    assert json.loads(told.tokens[0]) == first["tokens"]


def test_families_that_cannot_tag_are_refused_in_a_sentence():
    made = rows(60)
    lines = [{"tokens": t.split(" "), "tags": list(y)} for t, y in zip(made.full_text, made.target, strict=True)]
    with pytest.raises(SettingError, match="add linear"):
        AutoText(budget=5, families=("trees",)).fit(lines, "tags")


def test_serving_a_field_loads_no_torch(fitted):
    import subprocess

    code = (
        "import sys; from penna import load; m = load(sys.argv[1]); m.predict([['my', 'card']]); "
        "assert 'torch' not in sys.modules and 'pycrfsuite' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(fitted[1] / "run")], check=True)
