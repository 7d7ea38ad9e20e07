"""Answers that are quoted from a text: reading, scores as SQuAD has them, models, and what people are given."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penna import AutoText, load, plugins, postprocessing, tasks
from penna.data import ragged
from penna.data.output_kind import OutputKind
from penna.data.readers.read_table import read
from penna.data.table import Table
from penna.errors import BundleError, TableError, TaskError
from penna.metrics import quotes
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import _answer_cells

THINGS = ("card", "film", "money", "story")
PLACES = ("good", "bad", "lost", "found")


def rows(n, seed=0, silent=0.0):
    """Texts that say where things are, one thing a sentence; and where one of them is, requested."""
    rng = np.random.default_rng(seed)
    questions, texts, answers = [], [], []
    for i in range(n):
        things = rng.permutation(THINGS)
        spots = [f"{rng.choice(PLACES)} {rng.choice(PLACES)}" for _ in things[:2]]
        text = f"{i}. " + " ".join(f"my {t} is {s}." for t, s in zip(things[:2], spots, strict=True))
        there = rng.random() >= silent
        asked = things[rng.integers(2)] if there else things[2]
        spot = spots[list(things[:2]).index(asked)] if there else ""
        start = text.index(f"my {asked} is ") + len(f"my {asked} is ") if there else 0
        questions.append(f"where is my {asked}?")
        texts.append(text)
        answers.append([{"text": spot, "answer_start": start}] if there else [])
    return [{"question": q, "context": t, "answers": a} for q, t, a in zip(questions, texts, answers, strict=True)]


def table(lines):
    return read(lines, y="answers")[0]


def profile(encoders=()):
    return DatasetProfile(200, 2, 9, 60, output_kind=OutputKind.SPANS, encoders=encoders)


def test_scores_are_those_of_the_official_script():
    assert quotes.judge("The Eiffel Tower!", ["eiffel tower"]) == (1.0, 1.0)
    assert quotes.judge("tower", ["the Eiffel tower", "in Paris"]) == (0.0, pytest.approx(2 / 3))
    assert quotes.judge("", []) == (1.0, 1.0)
    assert quotes.judge("Paris", []) == (0.0, 0.0)
    assert quotes.judge("", ["Paris"]) == (0.0, 0.0)
    assert quotes.judge("", ["A", "vitamin A1"]) == (0.0, 0.0)


@given(size=st.integers(1, 40), seed=st.integers(0, 99))
def test_the_likeliest_quote_is_the_best_pair_of_ends(size, seed):
    row = np.random.default_rng(seed).random((size + 1, 2))
    (span, score), *others = quotes.best(row, 3)
    pairs = {(i, j + 1): row[i + 1, 0] * row[j + 1, 1] for i in range(size) for j in range(i, min(size, i + 30))}
    best = max([*pairs.values(), row[0, 0] * row[0, 1]])
    assert score == pytest.approx(best)
    assert span is None or pairs[span] == pytest.approx(best)
    assert all(score >= other for _, other in others)
    words = [word for quote, _ in ((span, score), *others) if quote is not None for word in range(*quote)]
    assert len(words) == len(set(words))
    assert all(0 <= word < size for word in words)


@given(rows=st.integers(0, 9), longest=st.integers(1, 40), seed=st.integers(0, 999))
def test_many_rows_are_quoted_at_once_as_each_is_alone(rows, longest, seed):
    rng = np.random.default_rng(seed)
    made = [
        (rng.random((size, 2)) * (rng.random((size, 2)) < 0.5)).astype(np.float32) for size in rng.integers(1, 60, rows)
    ]
    found = [quotes.best(row, 2, longest) for row in made]
    assert quotes.decoded(ragged.objects(made), longest) == [first for (first, _), *_ in found]
    loud = [next((span for span, _ in row if span is not None), None) for row in found]
    assert quotes.decoded(ragged.objects(made), longest, silent=False) == loud


def test_unlikely_spans_never_start_before_the_text():
    row = np.zeros((40, 2))
    row[2, 0] = row[39, 1] = 1.0  # further apart than an answer is long
    assert quotes.best(row, 5) == [(None, 0.0)]
    assert quotes.best(row, 5, longest=60)[0] == ((1, 39), 1.0)


def test_no_answer_needs_unanswerable_rows_and_a_threshold():
    made = table(rows(60))
    task = tasks.find("question_answering", made)
    assert not task.silent
    assert tasks.restore(json.loads(json.dumps(task.to_json()))) == task
    y = task.encode(made)
    sure = []
    for truth in y:
        row = np.full((len(truth.places) + 1, 2), 0.01, np.float32)
        row[truth.span[0] + 1, 0] = row[truth.span[1], 1] = 0.2
        row[0] = 0.7
        sure.append(row)
    outputs = ragged.objects(sure)
    assert task.score(y, outputs) == task.measure(y, outputs)["exact_match"][0] == 1.0
    assert all(found[0][0] is not None for found in task.decode(outputs))
    assert task.mistakes(made, y, outputs) == []
    mixed = tasks.find("question_answering", table(rows(60, silent=0.5)))
    assert mixed.silent
    assert mixed.without_postprocessing().score(y, outputs) == 0.0
    assert "by_class" not in mixed.measure(y, outputs)
    other = table(rows(60, silent=0.5))
    quiet = ragged.objects(
        np.eye(1, len(truth.places) + 1, dtype=np.float32).T.repeat(2, 1) for truth in mixed.encode(other)
    )
    found = mixed.measure(mixed.encode(other), quiet)["by_class"]
    assert [(kind["label"], kind["exact_match"]) for kind in found] == [("with an answer", 0.0), ("without", 1.0)]
    assert sum(kind["rows"] for kind in found) == 60
    assert mixed.score(y, outputs) == 1.0


def test_answers_are_at_most_as_long_as_in_training():
    text = "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341" * 6
    lines = [
        {"question": f"{i}?", "context": text, "answers": [{"text": text[:40], "answer_start": 0}]} for i in range(9)
    ]
    made = table(lines)
    task = tasks.find("question_answering", made)
    assert task.longest == 40
    row = np.zeros((61, 2), np.float32)
    row[1, 0] = row[40, 1] = 1.0
    assert task.score(task.encode(made), ragged.objects([row] * 9)) == 1.0


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ([{"text": "Bonn", "answer_start": 7}], [("Bonn", 7)]),
        ('{"text": ["Bonn"], "answer_start": [7]}', [("Bonn", 7)]),
        ("Bonn", [("Bonn", 7)]),
        ('[{"text": " Bonn ", "start": 6}]', [("Bonn", 7)]),
        ("[]", []),
        ([{"text": "Bonn", "answer_start": 3}], _answer_cells.ABSENT),
        ("Rome", _answer_cells.ABSENT),
        ("[{'text': 'Bonn', 'answer_start': 7}]", [("Bonn", 7)]),
        ("", _answer_cells.EMPTY),
        (None, _answer_cells.EMPTY),
        ([5], _answer_cells.FORM),
        ({"text": np.array(["Bonn"], object), "answer_start": np.array([7], np.int32)}, [("Bonn", 7)]),
        ([{"text": "Bonn", "answer_start": np.int64(7)}], [("Bonn", 7)]),
    ],
)
def test_answers_are_read_in_every_usual_form(cell, expected):
    made = table([{"question": "where?", "context": "He was Bonn.", "answers": cell}])
    assert _answer_cells.read(made) == [expected]


def test_answer_without_offset_is_found_as_a_whole_word():
    made = table(
        [
            {"question": "of what?", "context": "The party spoke about art.", "answers": ["art"]},
            {"question": "how many?", "context": "In 1921 there were 21.", "answers": ["21"]},
            {"question": "who?", "context": "a Londoner", "answers": ["London"]},
        ]
    )
    assert _answer_cells.read(made) == [[("art", 22)], [("21", 19)], [("London", 2)]]


def test_labels_that_are_mostly_empty_lists_are_no_answers():
    lines = [
        {"premise": f"a {i}", "hypothesis": f"b {i}", "label": ["x", "y"][: i % 3]} for i in range(60)
    ]  # two in five say something that stands in no text
    assert not _answer_cells.like(read(lines, y="label")[0])


def test_rows_without_their_answer_are_named_and_skipped():
    lines = rows(6)
    lines[2]["answers"] = [{"text": "nowhere", "answer_start": 0}]
    settled, (finding,) = plugins.find("tasks", "question_answering").prepare_target(table(lines))
    assert (len(settled), finding.rows) == (5, (3,))
    assert "does not stand in its text" in finding.message
    with pytest.raises(TaskError, match="in row 3"):
        tasks.find("question_answering", table(lines)).encode(table(lines))


def test_missing_contexts_or_answers_are_refused():
    alone = Table({"text": ragged.objects(["a", "b"])}, ragged.objects(["a", "b"]), rows=np.arange(1, 3))
    with pytest.raises(TaskError, match="--text-pair"):
        tasks.find("question_answering", alone)
    with pytest.raises(TaskError, match="no answer in any"):
        tasks.find("question_answering", table(rows(5, silent=1.0)))


def test_answers_are_recognised_whichever_rows_have_none():
    made = table(rows(1500))
    target = made.target.copy()
    target[::3] = ragged.objects([()] * 500)
    assert _answer_cells.like(replace(made, target=target))


def test_questions_about_one_text_stay_on_one_side():
    settled, _ = plugins.find("tasks", "question_answering").prepare_target(table(rows(6)))
    assert settled.group.tolist() == settled.text["context"].tolist()


def test_every_offset_is_that_of_the_characters_quoted():
    lines = rows(20)
    lines[0]["context"] = "e\u0301 \U0001f600 " + lines[0]["context"]
    lines[0]["answers"][0]["answer_start"] += 5
    made = table(lines)
    task = tasks.find("question_answering", made)
    rng = np.random.default_rng(0)
    outputs = ragged.objects(rng.random((len(truth.places) + 1, 2)) for truth in task.encode(made))
    for answer, text in zip(task.to_text_spans(task.decode(outputs), made), made.text["context"], strict=True):
        for one in (answer, *answer["others"]):
            assert text[max(one["start"], 0) : max(one["end"], 0)] == one["text"]


def test_silence_is_moved_to_where_it_scores():
    made = table(rows(200, silent=0.4))
    task = tasks.find("question_answering", made)
    y = task.encode(made)
    outputs = []
    for truth in y:  # the right words are likely, and silence likelier still
        row = np.full((len(truth.places) + 1, 2), 0.01, np.float32)
        if truth.span is not None:
            row[truth.span[0] + 1, 0] = row[truth.span[1], 1] = 0.4
        row[0] = 0.5 if truth.span is not None else 0.6
        outputs.append(row)
    outputs = ragged.objects(outputs)
    (kind,) = postprocessing.kinds(OutputKind.SPANS, 200)
    served = task.without_postprocessing().score
    step = kind.fit(y, outputs, served)
    assert served(y, step(outputs)) > served(y, outputs) + 0.4
    assert all(score <= 1 for found in task.decode(step(outputs)) for _, score in found)
    assert postprocessing.from_json(json.loads(json.dumps(postprocessing.to_json(step)))) == step


def test_overlap_finds_the_requested_sentence(resources, tmp_path):
    overlap = plugins.find("models", "sliding_window")
    train, test = table(rows(200)), table(rows(50, 1))
    task = tasks.find("auto", train)
    model = overlap.fit(overlap.portfolio(profile())[0], task, train, None, resources, lambda *_: True)
    outputs = model.outputs(test)
    assert task.score(task.encode(test), outputs) > 0.1
    model.save(tmp_path)
    again = overlap.load(tmp_path).outputs(test)
    assert all((a == b).all() for a, b in zip(again, outputs, strict=True))
    empty = replace(test, text={name: ragged.objects([""] * 50) for name in test.text})
    assert model.outputs(empty)[0].shape == (1, 2)
    (tmp_path / "overlap.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError, match="damaged"):
        overlap.load(tmp_path)


@pytest.mark.slow
def test_reader_learns_by_windows_and_serves_without_torch(tiny_bert, resources, tmp_path):
    reader = plugins.find("models", "reader")
    train, test = table(rows(200, silent=0.2)), table(rows(40, 1, silent=0.2))
    task = tasks.find("auto", train)
    hyperparameters = reader._USUAL | {
        "encoder": str(tiny_bert),
        "epochs": 8.0,
        "lr": 2e-3,
        "head_lr": 1.0,
        "length": 18,
    }
    seen = []
    model = reader.fit(
        Recipe.from_values("reader", hyperparameters),
        task,
        train,
        test,
        resources,
        lambda step, of, score: seen.append(score) or True,
    )
    outputs = model.outputs(test)
    assert [row.shape[0] for row in outputs] == [len(truth.places) + 1 for truth in task.encode(test)]
    assert all(np.allclose(row.sum(axis=0), 1, atol=1e-4) for row in outputs)
    assert task.score(task.encode(test), outputs) > task.score(task.encode(test), task.broadcast(np.ones(2), test))
    assert model.long_share > 0.5
    model.save(tmp_path)
    again = reader.load(tmp_path).outputs(test)
    assert max(float(np.abs(a - b).max()) for a, b in zip(again, outputs, strict=True)) < 0.05


def test_question_search_works_from_file_to_artifact(tmp_path):
    lines = rows(120)
    data = tmp_path / "a.jsonl"
    data.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    auto = AutoText(budget=10, families=("linear",), n_jobs=1, out=tmp_path / "run").fit(data)
    assert auto.bundle_.task.name == "question_answering"
    assert 0 <= auto.test_scores_["answer_f1"][0] <= 1
    (answer,) = auto.predict([(lines[0]["question"], lines[0]["context"])])
    assert lines[0]["context"][max(answer["start"], 0) : max(answer["end"], 0)] == answer["text"]
    from penna.inference.batch_predict import predict_file

    model = load(tmp_path / "run")
    predict_file(model, data, tmp_path / "out.jsonl")
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(told) == 120
    assert set(told[0]["prediction"]) == {"text", "start", "end", "score", "others"}
    assert model.evaluate(data)["rows"] == 120
    import subprocess

    code = (
        "import sys; from penna import load; load(sys.argv[1]).predict([('a', 'b')]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=True)


@pytest.mark.parametrize("order", ["version first", "data first"])
def test_the_nested_json_of_squad_is_a_row_for_each_question(tmp_path, order):
    asked = [
        {"id": "a", "question": "Who went?", "answers": [{"text": "Ann", "answer_start": 0, "more": 1}]},
        {"id": "b", "question": "Why?", "answers": [], "is_impossible": True},
    ]
    data = {"data": [{"title": "T", "paragraphs": [{"context": "Ann went to Oslo.", "qas": asked}] * 2}] * 3}
    said = {"version": "v2.0", **data} if order == "version first" else {**data, "version": "1.1"}
    (tmp_path / "squad.json").write_text(json.dumps(said, indent=1), encoding="utf-8")
    table, _ = read(tmp_path / "squad.json", target="answers", others=())
    assert len(table) == 12
    assert table.pair == ("question", "context")
    task = tasks.find("auto", table)
    assert task.name == "question_answering"
    assert table.rows.tolist() == list(range(1, 13))


@pytest.mark.parametrize("head", ['"version": 2.0, ', '"title": "dev", "version": "v2", '])
def test_squad_is_known_by_any_head_and_answers_need_no_place(tmp_path, head):
    asked = [{"id": "a", "question": "Who?", "answers": [{"text": "Ann"}]}, {"id": "b", "question": "Why?"}]
    paragraphs = json.dumps([{"context": "Ann went.", "qas": asked}])
    (tmp_path / "s.json").write_text(f'{{{head}"data": [{{"paragraphs": {paragraphs}}}]}}', encoding="utf-8")
    table, _ = read(tmp_path / "s.json", target="answers", others=())
    assert _answer_cells.read(table) == [[("Ann", 0)], _answer_cells.EMPTY]  # that nothing is stated is no silence
    assert tasks.find("question_answering", table).usable(table).tolist() == [True, False]


@pytest.mark.parametrize(("size", "whole"), [(3, True), (60, False)])
def test_question_is_whole_if_it_fits_with_its_text(tiny_bert, size, whole):
    from penna.encoders import checkpoints
    from penna.models.reader import model as _read

    checkpoint = checkpoints.find(str(tiny_bert))
    question, text = "where is my good card " * 4, "my card is lost " * (size // 3)
    made = table([{"question": question, "context": text, "answers": ["lost"]}])
    texts = _read.read(checkpoint, made, 36)
    assert texts.cut.tolist() == [not whole]
    assert texts.rows.lengths.max() <= 36


def test_what_is_no_article_of_squad_is_refused_by_its_number(tmp_path):
    (tmp_path / "squad.json").write_text('{"data": [{"title": "T", "paragraphs": [{"text": "x"}]}]}', encoding="utf-8")
    with pytest.raises(TableError, match=r"article 1 of .*squad\.json is not as SQuAD has them"):
        read(tmp_path / "squad.json", target="answers")
