"""Translation as a task: what texts are answered with, how good that is, and which pairs cannot be right."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER

from penna import tasks
from penna.budget import Deadline, Resources
from penna.data import ragged
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import BundleError, SettingError, TaskError
from penna.models.translation_memory import family as translation_memory
from penna.preprocessing import checks, parallel_pairs
from penna.preprocessing.check_context import CheckContext
from penna.search.recipe import DatasetProfile
from penna.tasks import _translation_metrics as texts
from penna.tasks import classification, multilabel, translation
from penna.testing import make_table

ENGLISH = "the man with a red hat is walking down the street while two women look at their big brown dog"
GERMAN = "der mann mit einem roten hut geht die straße entlang während zwei frauen ihren großen braunen hund"


def table(source, target):
    return make_table(source, target, column="en", target_name="de")


def sentences(words, count, seed):
    chance = random.Random(seed)
    return [" ".join(chance.choices(words.split(), k=chance.randint(6, 12))) + f" {i}." for i in range(count)]


def pairs(count=200):
    """Rows of like length, in two languages."""
    english, german = [], []
    for i, text in enumerate(sentences(ENGLISH, count, 0)):
        english.append(text)
        german.append(" ".join(sentences(GERMAN, 1, i)[0].split()[:-1] + GERMAN.split())[: len(text)] + f" {i}.")
    return english, german


@given(st.text())
def test_any_text_goes_through_numbers_and_comes_back(text):
    back = texts.text_of(texts.codes(text))
    assert back == text.replace("\0", "").encode("utf-8", "replace").decode()


def test_a_target_of_sentences_is_recognised_and_labels_are_not():
    assert tasks.find("auto", table(*pairs(40))).name == "translation"
    for labels in (["yes", "no"] * 30, ["New York", "San Jose"] * 20, [f"id {i}" for i in range(60)], [1.5, 2] * 20):
        assert not translation.matches(table(["a text"] * len(labels), labels))
    assert parallel_pairs.sentences(["一只棕色的狗在街上跑着" + "很快地好"[i % 4] + str(i) for i in range(30)])
    tags = [("O", "B-X")] * 40
    assert not translation.matches(table(["a text"] * 40, tags))
    assert classification.matches(table(["a"] * 40, ["yes", "no"] * 20))
    assert not multilabel.matches(table(["a"] * 40, ["yes", "no"] * 20))


def test_measures_are_those_of_sacrebleu():
    truth, said = sentences(GERMAN, 60, 0), sentences(GERMAN, 60, 1)
    said[:20] = truth[:20]
    task = translation.from_table(table(truth, truth))
    measured = task.measure(ragged.objects(truth), ragged.objects(map(texts.codes, said)))
    for name, metric in {"bleu": BLEU(), "chrf": CHRF(), "ter": TER()}.items():
        value, low, high = measured[name]
        assert value == pytest.approx(metric.corpus_score(said, [truth]).score)
        assert low < value < high
        assert measured["signatures"][name] == str(metric.get_signature())
    assert sum(row["rows"] for row in measured["by_class"]) == 60


@pytest.mark.parametrize("metric", translation.METRICS)
def test_a_better_answer_has_a_higher_score(metric):
    truth = sentences(GERMAN, 30, 0)
    task = translation.from_table(table(truth, truth), metric)
    good, bad = (ragged.objects(map(texts.codes, said)) for said in (truth, sentences(ENGLISH, 30, 1)))
    y = task.encode(table(truth, truth))
    assert task.score(y, good) > task.score(y, bad)
    assert task.score_error(y, ragged.objects([*good[:15], *bad[15:]])) > 0


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=6), st.data())
def test_any_texts_can_be_measured(said, data):
    truth = data.draw(st.lists(st.text(), min_size=len(said), max_size=len(said)))
    for cut in texts.CUTS:
        task = translation.Translation("bleu", cut)
        outputs = ragged.objects(map(texts.codes, said))
        assert all(
            np.isfinite(task.measure(ragged.objects(truth), outputs)[name]).all() for name in translation.METRICS
        )


def test_chinese_is_split_into_characters():
    task = translation.from_table(table(["a b c"] * 3, ["一只狗在街上跑", "两个人在公园里走", "一个女人看着她的孩子"]))
    assert "tok:zh" in texts.signature("bleu", task.cut)
    assert "asian:yes" in texts.signature("ter", task.cut)
    one_off = ragged.objects([texts.codes("一只猫在街上跑")])
    assert task.measure(ragged.objects(["一只狗在街上跑"]), one_off)["ter"][0] == pytest.approx(100 / 7)


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_words_are_edited_as_rarely_as_can_be(said, meant):
    table = [[i + j for j in range(len(meant) + 1)] for i in range(len(said) + 1)]
    for i, a in enumerate(said, 1):
        for j, b in enumerate(meant, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a != b))
    assert texts.distance(said, meant) == table[-1][-1]


def test_very_long_texts_are_measured_soon():
    chance = random.Random(0)
    truth, said = (" ".join(chance.choices(GERMAN.split(), k=3000)) for _ in "ab")
    measured = translation.Translation().measure(ragged.objects([truth]), ragged.objects([texts.codes(said)]))
    assert 50 < measured["ter"][0] < 100
    short = " ".join(truth.split()[: texts.MOVED])
    assert (
        texts.stats("ter", [short], [short[::-1]], "13a").value() == TER().corpus_score([short[::-1]], [[short]]).score
    )


def test_the_worst_answers_are_shown():
    truth = sentences(GERMAN, 10, 0)
    said = [*truth[:9], "nothing"]
    task = translation.from_table(table(truth, truth))
    (first, *_) = task.mistakes(table(truth, truth), ragged.objects(truth), ragged.objects(map(texts.codes, said)), 3)
    assert (first["row"], first["truth"], first["answer"]) == (10, truth[9], "nothing")


@pytest.mark.parametrize(
    ("target", "says"),
    [([1, 2, "three"], r"other than text in 2 of 3 rows \('1' in row 1"), ([None, "a", "b"], "row 1")],
)
def test_a_target_that_is_no_text_is_named(target, says):
    for way in (translation.prepare_target, translation.from_table, translation.Translation().encode):
        with pytest.raises(TaskError, match=says):
            way(table(["a", "b", "c"], target))


def test_one_language_on_both_sides_is_refused():
    english, _ = pairs(30)
    with pytest.raises(TaskError, match="the very same in 'de' as in the text"):
        translation.prepare_target(table(english, english))


def test_an_unknown_metric_and_a_damaged_task_are_refused():
    with pytest.raises(SettingError, match="choose one of chrf, bleu, ter"):
        translation.from_table(table(*pairs(20)), "accuracy")
    for damage in ({"metric": "x"}, {"cut": "13b"}, {"cut": ["zh"]}):
        with pytest.raises(TaskError):
            tasks.restore(translation.Translation().to_json() | damage)


def test_bad_pairs_are_left_out_of_training_only():
    english, german = pairs()
    wrong = {"copied pair": range(5), "repeated pair": range(5, 10), "odd length": range(10, 15),
             "odd script": range(15, 20), "empty side": range(20, 25), "swapped side": range(25, 35)}  # fmt: skip
    for i in range(5):
        german[i] = english[i].upper()
        english[5 + i], german[5 + i] = english[40 + i], german[40 + i]
        german[10 + i] = german[10 + i] * 6
        english[15 + i] = "мужчина в красной шляпе идёт по улице, и женщина с ним"
        german[20 + i] = " "
    for i in range(25, 35):
        english[i], german[i] = german[i], english[i]
    # Of two that are the same the first stays.
    english[40:45], english[5:10] = english[5:10], english[40:45]
    found = parallel_pairs.odd(english, german)
    for kind, rows in wrong.items():
        expected = range(40, 45) if kind == "repeated pair" else rows
        assert set(np.flatnonzero(found[kind])) >= set(expected), kind
    given = table(english, german)
    assert 160 <= len(parallel_pairs.kept(given)) <= 200 - 35
    settled, findings = translation.prepare_target(given)
    assert settled.rows.tolist() == [row for row in given.rows if row not in range(21, 26)]
    assert {finding.kind for finding in findings} == {*wrong, "missing target"} - {"empty side"}
    assert all("left out" in finding.message for finding in findings)


def test_check_reports_pairs_and_not_labels():
    english, german = pairs(60)
    english[3] = german[3]
    check = checks.find("parallel_corpus")
    (finding,) = check.find(CheckContext(table(english, german)))
    assert (finding.kind, finding.rows) == ("copied pair", (4,))
    assert check.find(CheckContext(table(english, ["yes", "no"] * 30))) == []
    assert check.find(CheckContext(Table({"en": ragged.objects(english)}))) == []


def test_honest_pairs_are_kept():
    assert sum(mask.sum() for mask in parallel_pairs.odd(*pairs()).values()) <= 2


@given(st.lists(st.tuples(st.text(), st.text()), max_size=60))
@settings(max_examples=20, deadline=None)
def test_any_pairs_can_be_looked_at(given_):
    sides = [a for a, _ in given_], [b for _, b in given_]
    assert all(len(mask) == len(given_) for mask in parallel_pairs.odd(*sides).values())


def fitted(recipe, train, folder):
    return translation_memory.fit(
        recipe, translation.from_table(train), train, None, Resources(folder, Deadline(60), 1), lambda *_: True
    )


PROFILE = DatasetProfile(200, 1, 1, 60.0, output_kind=OutputKind.TEXT)


def test_memory_returns_known_translations(tmp_path, tiny_bert):
    english, german = pairs(60)
    train = table(english, german)
    recipes = translation_memory.portfolio(
        DatasetProfile(200, 1, 1, 60.0, output_kind=OutputKind.TEXT, encoders=(str(tiny_bert),))
    )
    assert [recipe["way"] for recipe in recipes] == ["copy", "words", "vectors"]
    for number, recipe in enumerate(recipes):
        model = fitted(recipe, train, tmp_path / "cache")
        asked = train.take(np.arange(5))
        said = translation.from_table(train).decode(model.outputs(asked)).tolist()
        assert said == (english[:5] if recipe["way"] == "copy" else german[:5])
        folder = tmp_path / str(number)
        folder.mkdir()
        model.save(folder)
        opened = translation_memory.load(folder)
        assert translation.from_table(train).decode(opened.outputs(asked)).tolist() == said
        (tmp_path / f"{number}-again").mkdir()
        opened.save(tmp_path / f"{number}-again")
        assert (
            translation_memory.cost(recipe, PROFILE, train, Resources(tmp_path / "cache", Deadline(60), 1)).seconds > 0
        )


def test_memory_returns_nothing_for_unknown_words(tmp_path):
    model = fitted(translation_memory.portfolio(PROFILE)[1], table(*pairs(60)), tmp_path)
    assert translation.Translation().decode(model.outputs(Table({"en": ragged.objects(["", "xyzzy"])}))).tolist() == [
        "",
        "",
    ]


@pytest.mark.parametrize("name", ["memory.json", "memory.safetensors"])
def test_a_damaged_memory_is_refused(name, tmp_path):
    fitted(translation_memory.portfolio(PROFILE)[1], table(*pairs(60)), tmp_path).save(tmp_path)
    content = (tmp_path / name).read_bytes()
    for damaged in (b"", content[: len(content) // 2], b'{"format": 1, "way": "words"}'):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(BundleError):
            translation_memory.load(tmp_path)
