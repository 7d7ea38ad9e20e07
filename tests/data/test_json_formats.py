"""Files as other tools export them: the same rows and targets, from a file and in memory, or a refusal by name."""

import json

import pytest

from penna import plugins, tasks
from penna.data.readers.read_notes import Notes
from penna.data.readers.read_table import read
from penna.errors import TableError

TEXTS = ["Ann left Rome", "Nobody came", "Bob met Ann"]
SPANS = [[(0, 3, "PER"), (9, 13, "LOC")], [], [(0, 3, "PER"), (8, 11, "PER")]]
NAMES = ["good", "bad", "good"]


def studio(results, **more):
    return {"id": 1, "data": {"text": "Ann left Rome"}, "annotations": [{"result": results, **more}], "predictions": []}


def labelled(start, end, label):
    value = {"start": start, "end": end, "text": TEXTS[0][start:end], "labels": [label]}
    return {"value": value, "from_name": "label", "to_name": "text", "type": "labels", "id": "x"}


def chosen(*labels, name="mood"):
    return {"value": {"choices": list(labels)}, "from_name": name, "to_name": "text", "type": "choices", "id": "x"}


def named(spans, *keys):
    return [[dict(zip(keys, span, strict=True)) for span in row] for row in spans]


def of_spans(marks, key="entities"):
    return [{"text": text, key: row} for text, row in zip(TEXTS, marks, strict=True)]


ENTITIES = {
    "spaCy": [[text, {"entities": row}] for text, row in zip(TEXTS, SPANS, strict=True)],
    "spaCy, objects": of_spans(SPANS),
    "spaCy, to_json": [
        {"text": text, "ents": row, "tokens": [{"id": 0, "start": 0, "end": 3}], "sents": []}
        for text, row in zip(TEXTS, named(SPANS, "start", "end", "label"), strict=True)
    ],
    "doccano": of_spans(SPANS, "label"),
    "doccano, newer": of_spans(named(SPANS, "start_offset", "end_offset", "label")),
    "prodigy": [
        {**row, "_task_hash": i, "_input_hash": i, "answer": "accept", "tokens": [{"text": "Ann"}]}
        for i, row in enumerate(of_spans(named(SPANS, "start", "end", "label"), "spans"))
    ],
    "pipeline": of_spans(named(SPANS, "start", "end", "entity_group")),
    "Label Studio": [
        {**studio([labelled(*span) for span in row]), "data": {"text": text}}
        for text, row in zip(TEXTS, SPANS, strict=True)
    ],
    "Label Studio, minimal": of_spans([[labelled(*span)["value"] for span in row] for row in SPANS], "label"),
}


@pytest.mark.parametrize("form", ENTITIES)
@pytest.mark.parametrize("way", ["array", "lines", "memory"])
def test_entities_are_read_from_every_export(tmp_path, form, way):
    records = ENTITIES[form]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(records) if way == "array" else "\n".join(map(json.dumps, records)), encoding="utf-8")
    table, findings = read(records if way == "memory" else path)
    assert table.full_text.tolist() == TEXTS
    task = tasks.find("auto", table)
    assert (task.name, task.types, findings) == ("token_classification", ("LOC", "PER"), [])
    assert [len(row[row > 0]) for row in task.encode(table)] == [2, 0, 2]


def test_tags_of_spacys_second_version_are_sentences(tmp_path):
    tokens = [{"id": i, "orth": word, "ner": tag} for i, (word, tag) in enumerate([("Ann", "U-PER"), ("left", "O")])]
    document = {"id": 0, "paragraphs": [{"raw": "Ann left", "sentences": [{"tokens": tokens}] * 2}]}
    (tmp_path / "a.json").write_text(json.dumps([document] * 2), encoding="utf-8")
    table, _ = read(tmp_path / "a.json")
    assert table.full_text.tolist() == ["Ann left"] * 4
    assert tasks.find("auto", table).types == ("PER",)


@pytest.mark.parametrize("result", [[chosen("a", "b")], [chosen("a"), {"type": "relation"}]])
def test_choices_of_label_studio_are_labels(tmp_path, result):
    records = [studio(result), studio([], was_cancelled=True), studio(result)]
    records[2]["annotations"].append(records[2]["annotations"][0])
    table, findings = read(records, y="mood")
    assert table.target.tolist() == [("a", "b") if len(result) == 1 else "a", None] * 1 + [table.target[0]]
    kinds = {finding.kind: finding for finding in findings}
    assert kinds["annotations"].rows == (3,)
    assert ("keys" in kinds) == (len(result) == 2)


def test_examples_that_were_rejected_are_left_out_and_named():
    rows = [{"text": t, "label": n, "_task_hash": 1, "answer": "accept"} for t, n in zip(TEXTS, NAMES, strict=True)]
    rows[1]["answer"] = "reject"
    table, findings = read(rows)
    assert table.target.tolist() == ["good", "good"]
    assert [(finding.kind, finding.rows) for finding in findings] == [("rejected", (2,))]


@pytest.mark.parametrize(
    "record",
    [
        lambda text, name: [text, {"cats": {"good": float(name == "good"), "bad": name == "bad"}}],
        lambda text, name: {"text": text, "cats": {"good": int(name == "good"), "bad": int(name == "bad")}},
        lambda text, name: {"text": text, "label": {"choices": [name]}},
    ],
)
def test_dicts_of_classes_are_labels(record):
    table, _ = read([record(text, name) for text, name in zip(TEXTS, NAMES, strict=True)])
    assert table.target.tolist() == NAMES


LINES = (
    "__label__good what a film",
    "",
    "__label__bad  __label__long never again, and\tlate",
    "no label here",
    "last __label__bad",
)
FASTTEXT = "\n".join(LINES) + "\n"


@pytest.mark.parametrize("name", ["a.txt", "a.train", "a"])
def test_lines_of_fasttext_are_texts_with_labels(tmp_path, name):
    (tmp_path / name).write_bytes(FASTTEXT.replace("no label here\n", "__label__good x, y\n" * 20).encode())
    table, findings = read(tmp_path / name)
    assert table.full_text[:3].tolist() == ["what a film", "never again, and\tlate", "x, y"]
    assert table.target[:3].tolist() == ["good", ("bad", "long"), "good"]
    assert table.target[-1] == "bad"
    assert (table.rows[:3].tolist(), findings) == ([1, 3, 4], [])
    assert tasks.recognised("auto", table)[0].name == "multilabel"


SQUAD = [{"context": "Ann went.", "qas": [{"id": "a", "question": "Who?", "answers": [{"text": "Ann"}]}]}] * 3


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(SQUAD),
        json.dumps({"paragraphs": SQUAD}),
        json.dumps({"data": [{"title": "t", "paragraphs": SQUAD}]}),
        json.dumps([{"title": "t", "paragraphs": SQUAD}]),
        "\n".join(map(json.dumps, SQUAD)),
        '{"header": {"dataset": "x"}}\n' + "\n".join(map(json.dumps, SQUAD)),
    ],
)
def test_paragraphs_of_questions_are_found_at_any_depth(tmp_path, content):
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    table, _ = read(tmp_path / "a.json")
    assert (len(table), table.pair, table.target_name) == (3, ("question", "context"), "answers")
    assert tasks.find("auto", table).name == "question_answering"


def test_a_damaged_paragraph_is_refused_by_its_number():
    with pytest.raises(TableError, match="article 2 of the table is not as SQuAD has them"):
        read([*SQUAD[:1], {"context": "x", "qas": [{"id": "no question"}]}])


@pytest.mark.parametrize(
    "record",
    [
        studio([{"type": "labels", "value": {"start": 0}}]),
        studio([5]),
        {"paragraphs": [{"sentences": [{}]}]},
        {"paragraphs": [{"sentences": [{"tokens": [{"ner": "O"}]}]}]},
    ],
)
def test_a_damaged_record_is_refused_by_its_number(record):
    with pytest.raises(TableError, match=r"record 2 of the table is not as (label studio|spacy) writes it"):
        read([studio([chosen("a")]), record])


@pytest.mark.parametrize("name", plugins.names("data.readers.json_formats"))
def test_every_form_leaves_records_of_others_alone(name):
    form = plugins.find("data.readers.json_formats", name)
    assert form.KEYS
    for record in ({"text": "a", "label": "b"}, {"tokens": ["a"], "tags": ["O"]}, {}, ["a", "b"], "a", 5, None):
        assert form.rows(record, 1, "a.json", Notes()) is None
