"""Entities: schemes, spans, reading, scores as seqeval has them, post-processing steps, and what people are given."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penna import check, plugins, postprocessing, tasks
from penna.budget import Deadline
from penna.data import ragged, word_offsets
from penna.data.output_kind import OutputKind
from penna.data.readers.read_table import read
from penna.errors import SettingError, TaskError
from penna.metrics import entities
from penna.tasks import _span_cells, _tag_schemes
from penna.tasks._tag_schemes import Scheme
from penna.testing import make_table

TYPES = ("LOC", "PER")
NAMED = [name for name in _tag_schemes.NAMES if name not in ("IO", "bare")]


def words(*rows):
    return [word_offsets.joined(row.split()) for row in rows]


SENTENCES = words("Ann went to New York", "no one here", "Bob Ann and Rome", "Oslo")
TAGS = [
    ("B-PER", "O", "O", "B-LOC", "I-LOC"),
    ("O", "O", "O"),
    ("B-PER", "B-PER", "O", "B-LOC"),
    ("B-LOC",),
]

entity = st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from(TYPES))


def spans_of(parts):
    """Spans that do not overlap, from (gap, length, type)."""
    out, at = [], 0
    for gap, length, kind in parts:
        out.append((at + gap, at + gap + length, kind))
        at += gap + length
    return out, at


@given(parts=st.lists(entity, max_size=6), more=st.integers(0, 3), name=st.sampled_from(NAMED))
def test_every_scheme_spells_entities_and_is_read_again(parts, more, name):
    found, length = spans_of(parts)
    assert _tag_schemes.spans(_tag_schemes.tags(found, length + more, Scheme(name))) == found


@pytest.mark.parametrize("name", _tag_schemes.NAMES)
def test_tag_scheme_is_inferred_from_tags(name):
    found = [[(0, 1, "PER"), (1, 2, "PER"), (3, 6, "LOC")], [(0, 4, "LOC"), (4, 5, "PER")]]
    scheme = Scheme(name, "" if name == "bare" else "-")
    rows = [_tag_schemes.tags(row, 7, scheme) for row in found]
    assert _tag_schemes.find(rows) == scheme


def test_tags_that_follow_no_scheme_are_named():
    assert "'B-LOC' and 'Y-LOC'" in str(_tag_schemes.find([["B-LOC", "Y-LOC", "O"]]))
    with pytest.raises(TaskError, match="follow no known scheme"):
        tasks.find(
            "token_classification", make_table(SENTENCES, [tuple(t.replace("B-L", "Q:") for t in row) for row in TAGS])
        )


tags = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BI" for kind in TYPES)])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.lists(tags, min_size=1, max_size=6), st.randoms(use_true_random=False)), min_size=1))
def test_scores_are_those_of_seqeval(rows):
    seqeval = pytest.importorskip("seqeval.metrics")
    import warnings

    task = tasks.find("token_classification", make_table(SENTENCES, TAGS))
    truth = [_tag_schemes.tags(_tag_schemes.spans(row), len(row), Scheme()) for row, _ in rows]
    y = ragged.objects(task._numbers(_tag_schemes.spans(row), len(row)) for row in truth)
    rng = np.random.default_rng(len(rows))
    outputs = ragged.objects(rng.dirichlet(np.ones(5), size=len(row)).astype(np.float32) for row in truth)
    answers = [list(row) for row in task.decode(outputs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for ours, theirs in (
            (entities.entity_f1, seqeval.f1_score),
            (entities.entity_precision, seqeval.precision_score),
            (entities.entity_recall, seqeval.recall_score),
        ):
            expected = theirs(truth, answers, zero_division=0)
            if any("-" in tag for row in (*truth, *answers) for tag in row):
                assert ours(y, outputs) == pytest.approx(float(expected))


def test_the_most_probable_tags_that_spell_entities_are_decoded():
    rng = np.random.default_rng(1)
    legal = entities.legal(5)
    for _ in range(30):
        row = rng.dirichlet(np.ones(5), size=4).astype(np.float32)
        best = max(
            (
                way
                for way in itertools.product(range(5), repeat=4)
                if (way[0] == 0 or way[0] % 2) and all(legal[a, b] for a, b in itertools.pairwise(way))
            ),
            key=lambda way: sum(np.log(row[i, tag]) for i, tag in enumerate(way)),
        )
        assert entities.decoded(ragged.objects([row]))[0].tolist() == list(best)


@given(text=st.text(max_size=30))
def test_words_are_found_in_order_and_hold_everything_but_spaces(text):
    found = word_offsets.words(text, word_offsets.FOUND)
    assert (found[:, 0] < found[:, 1]).all()
    assert (found[1:, 0] >= found[:-1, 1]).all()
    inside = {i for start, end in found for i in range(start, end)}
    assert all(sign.isspace() for i, sign in enumerate(text) if i not in inside)


def test_grapheme_clusters_are_not_split():
    text = "e\u0301te\u0301 \U0001f469\u200d\U0001f4bbok \u2764\ufe0fRome"
    assert [text[a:b] for a, b in word_offsets.words(text, word_offsets.FOUND)] == [
        "e\u0301te\u0301",
        "\U0001f469\u200d\U0001f4bb",
        "ok",
        "\u2764\ufe0f",
        "Rome",
    ]


@given(parts=st.lists(st.text("ab \u00e9.", min_size=1, max_size=4), min_size=1, max_size=6))
def test_lists_of_words_are_found_again(parts):
    text = word_offsets.joined(parts)
    assert [text[a:b] for a, b in word_offsets.words(text, word_offsets.SPACES)] == [
        p.replace(" ", "\u00a0") for p in parts
    ]


def test_conll_columns_are_read_and_broken_sentences_named(tmp_path):
    file = tmp_path / "a.conll"
    file.write_text("-DOCSTART- O\n\nEU NNP B-ORG\nrejects VB O\n\nbroken line\n\nPeter NNP B-PER\n", encoding="utf-8")
    made, findings = read(file)
    assert made.text["tokens"].tolist() == ["EU rejects", "Peter"]
    assert made.target.tolist() == [("B-ORG", "O"), ("B-PER",)]
    (finding,) = findings
    assert "1 (sentences 2)" in finding.message
    assert made.rows.tolist() == [1, 3]
    whole = file.read_text(encoding="utf-8").replace("broken line\n\n", "")
    (tmp_path / "b.txt").write_text(whole, encoding="utf-8")
    assert read(tmp_path / "b.txt")[0].target.tolist() == made.target.tolist()


def test_lists_of_words_and_tags_differ_from_labels(tmp_path):
    rows = [{"tokens": text.split(), "tags": list(t)} for text, t in zip(SENTENCES * 6, TAGS * 6, strict=True)]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    made, findings = read(file)
    module, said = tasks.recognised("auto", made)
    assert (module.name, findings) == ("token_classification", [])
    assert "scheme BIO" in said
    assert read([row["tokens"] for row in rows], y=[row["tags"] for row in rows])[0].target.tolist() == TAGS * 6


def test_json_spans_are_predicted_in_characters(tmp_path):
    texts = ["Zo\u00eb \U0001f600 lives in New York.", "nobody"]
    cells = [[{"start": 15, "end": 23, "label": "LOC"}, {"start": 0, "end": 3, "label": "PER"}], []]
    import pandas as pd

    frame = pd.DataFrame({"text": texts * 10, "entities": [json.dumps(cell) for cell in cells * 10]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    made, _ = read(tmp_path / "a.csv")
    assert tasks.recognised("auto", made)[0].name == "token_classification"
    task = tasks.find("token_classification", made)
    answers = task.to_text_spans(task.labels(task.encode(made)), made)
    assert answers[1] == []
    assert answers[0] == [
        {"start": 0, "end": 3, "label": "PER", "text": "Zo\u00eb"},
        {"start": 15, "end": 23, "label": "LOC", "text": "New York"},
    ]
    assert task.sklearn_score(made.target, answers) == 1
    assert json.loads(task.to_flat_cells(answers)[0]) == answers[0]
    listed, _ = read([{"text": t, "entities": c} for t, c in zip(texts, cells, strict=True)] * 10, y="entities")
    assert tasks.find("token_classification", listed) == task


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("[]]", _span_cells.FORM),
        ([{"start": 0, "end": 99, "label": "X"}], _span_cells.OUTSIDE),
        ([{"start": 3, "end": 3, "label": "X"}], _span_cells.OUTSIDE),
        ([{"start": 3, "end": 4, "label": "X"}], _span_cells.OUTSIDE),
        ([{"start": 0, "end": 6, "label": "X"}, {"start": 4, "end": 6, "label": "X"}], _span_cells.OVERLAP),
        ([{"start": "0", "end": 3, "label": "X"}], _span_cells.FORM),
        ([{"start": 0, "end": 3}], _span_cells.FORM),
    ],
)
def test_spans_that_cannot_be_are_named_and_the_rest_is_used(cell, reason):
    written = cell if isinstance(cell, str) else json.dumps(cell)
    good = json.dumps([{"start": 0, "end": 3, "label": "X"}])
    settled, (finding,) = plugins.find("tasks", "token_classification").prepare_target(
        make_table(["Ann sees Bob"] * 4, [good, written, good, good])
    )
    assert (len(settled), finding.rows, reason in finding.message) == (3, (2,), True)


def test_span_inside_a_word_is_extended_and_reported():
    cell = json.dumps([{"start": 1, "end": 3, "label": "X"}])
    settled, (finding,) = plugins.find("tasks", "token_classification").prepare_target(
        make_table(["Anna"] * 2, [cell] * 2)
    )
    assert (len(settled), finding.kind, finding.count) == (2, "widened spans", 2)


def test_rows_of_unequal_length_are_named_and_the_rest_is_used():
    given = [*TAGS * 3, ("O",), ("O", "B-LOC", "Q-LOC")]
    settled, findings = plugins.find("tasks", "token_classification").prepare_target(
        make_table([*SENTENCES * 3, "a b", "a b c"], given)
    )
    assert settled.target.tolist() == TAGS * 3
    assert sorted(finding.rows for finding in findings) == [(13,), (14,)]
    task = tasks.find("token_classification", make_table(SENTENCES, TAGS))
    with pytest.raises(TaskError, match=r"in row 1:"):
        task.encode(make_table(["a b"], [("O",)]))
    with pytest.raises(TaskError, match="not there at fit"):
        task.encode(make_table(["a"], [("B-DOG",)]))


def test_tags_without_scheme_need_an_explicit_task():
    given = make_table(
        SENTENCES * 3, [tuple(t.replace("B-", "Q:").replace("I-", "B-") for t in row) for row in TAGS * 3]
    )
    with pytest.raises(TaskError, match=r"follow no known scheme .* or say with --task multilabel"):
        tasks.find("auto", given)
    assert tasks.find("multilabel", given).name == "multilabel"


def test_no_entity_at_all_is_refused():
    for empty in ("[]", (), None):
        with pytest.raises(TaskError, match="no entity in any of its 3 rows"):
            tasks.find("token_classification", make_table(["Ann sees Bob"] * 3, [empty] * 3))
    with pytest.raises(TaskError, match="no entity in any"):
        tasks.find("token_classification", make_table(SENTENCES, [tuple("O" for _ in row) for row in TAGS]))


@pytest.mark.parametrize("damage", [{"types": []}, {"types": ["b", "a"]}, {"scheme": {}}, {"form": "x"}, {"metric": 3}])
def test_a_damaged_task_is_refused(damage):
    data = tasks.find("token_classification", make_table(SENTENCES, TAGS)).to_json()
    with pytest.raises(TaskError, match="damaged"):
        tasks.restore(data | damage)


def test_cleaning_is_refused_and_other_columns_are_dropped():
    from penna.automl import setup

    task = tasks.find("token_classification", make_table(SENTENCES, TAGS))
    with pytest.raises(SettingError, match="reads as they are"):
        setup.dataset_profile(make_table(SENTENCES, TAGS), task, "case")
    assert setup.dataset_profile(make_table(SENTENCES, TAGS), task, "auto").cleanings == ()


def test_word_is_outside_below_the_entity_threshold():
    task = tasks.find("token_classification", make_table(SENTENCES, TAGS))
    rng = np.random.default_rng(0)
    y = task.encode(make_table(SENTENCES * 60, TAGS * 60))
    made = []
    for row in y:  # the truth is likely, and being outside likelier
        values = rng.uniform(0, 0.1, (len(row), task.columns))
        values[np.arange(len(row)), row] += 0.3
        values[:, 0] += 0.5
        made.append((values / values.sum(axis=1, keepdims=True)).astype(np.float32))
    outputs = ragged.objects(made)
    (kind,) = postprocessing.kinds(OutputKind.TAGS, len(y))
    step = kind.fit(y, outputs, task.score)
    assert step.by > 1.5
    assert task.score(y, step(outputs)) > task.score(y, outputs) + 0.5
    again = postprocessing.from_json(json.loads(json.dumps(postprocessing.to_json(step))))
    assert again == step
    assert all((a == b).all() for a, b in zip(again(outputs), step(outputs), strict=True))


def test_outputs_of_unequal_rows_are_stored_and_read(tmp_path):
    outputs = ragged.objects([np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32), np.ones((1, 3), np.float32)])
    ragged.save(tmp_path / "00001-0", outputs)
    again = ragged.load(tmp_path / "00001-0")
    assert [row.shape for row in again] == [(2, 3), (0, 3), (1, 3)]
    np.savez(tmp_path / "00001-0.npz", values=np.ones((2, 3)), offsets=np.array([0, 9]))
    with pytest.raises(ValueError, match="do not fit"):
        ragged.load(tmp_path / "00001-0")


NAMES = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
NUMBERS = [tuple(NAMES.index(tag) if tag in NAMES else 0 for tag in row) for row in TAGS]


@pytest.mark.parametrize(
    "write", [tuple, lambda row: tuple(map(str, row)), str, lambda row: str(list(row)), json.dumps]
)
def test_integers_next_to_words_are_tags(write):
    given = make_table(SENTENCES, [write(row) for row in NUMBERS])
    module, why = tasks.recognised("auto", given)
    assert "--tag-names" in why
    task = module.from_table(given)
    assert (task.name, task.scheme.name) == ("token_classification", "bare")
    assert task == tasks.restore(json.loads(json.dumps(task.to_json())))
    settled, _ = module.prepare_target(module.parse_target(given))
    assert task.encode(settled)[0].tolist() == task.encode(given)[0].tolist()  # of another file, too
    answers = task.to_text_spans(task.labels(task.encode(given)), given)
    assert [tuple(row) for row in answers] == [tuple(map(str, row)) for row in NUMBERS]
    assert task.sklearn_score(given.target, answers) == 1


def test_numbered_tag_names_make_the_same_task():
    given = replace(make_table(SENTENCES, NUMBERS), tag_names=NAMES)
    task = tasks.find("auto", given)
    words = [tuple(NAMES[number] for number in row) for row in NUMBERS]
    assert replace(task, names=()) == tasks.find("auto", make_table(SENTENCES, words))
    assert [tuple(row) for row in task.to_text_spans(task.labels(task.encode(given)), given)] == words
    short = replace(given, tag_names=NAMES[:2])
    with pytest.raises(TaskError, match="tags up to 4, and 2 names were given"):
        tasks.find("auto", short)


def test_numbers_that_do_not_go_with_the_words_are_no_tags():
    given = make_table(
        ["a b c d", "one two three", "x", "four more words here"] * 5, [(0, 1), (2, 0), (1,), (3, 4)] * 5
    )
    assert tasks.recognised("auto", given)[0].name == "multilabel"


PIECES = [{"start": a, "end": b, "entity": tag} for a, b, tag in [(0, 2, "B-PER"), (2, 3, "I-PER"), (4, 8, "I-LOC")]]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ([{"start": 0, "end": 3, "entity_group": "PER", "score": 0.9}], [(0, 3, "PER")]),
        ([{"start": 0, "end": 3, "labels": ["PER"], "text": "Ann"}], [(0, 3, "PER")]),
        (str([(0, 3, "PER")]), [(0, 3, "PER")]),
        (str([{"start": 0, "end": 3, "label": "PER"}]), [(0, 3, "PER")]),
        (PIECES, [(0, 3, "PER"), (4, 8, "LOC")]),
    ],
)
def test_spans_have_many_spellings(cell, expected):
    (read_,) = _span_cells.cells([cell if isinstance(cell, str) else tuple(cell)])
    assert _span_cells.spans_in(read_) == expected


def test_a_missing_key_is_named_with_all_rows():
    cells = [[{"start": 0, "end": 3, "kind": "PER"}]] * 160 + [[]] * 40
    with pytest.raises(TaskError) as caught:
        tasks.find("token_classification", make_table(["Ann sees Bob"] * 200, [json.dumps(cell) for cell in cells]))
    assert all(said in str(caught.value) for said in ("200 rows", "no 'label'", "'kind'", "160 of 200", "40 have none"))


def test_a_type_of_one_row_alone_is_named_and_used():
    given = [*TAGS * 2, ("B-ONCE", "B-ONCE")]
    settled, (finding,) = plugins.find("tasks", "token_classification").prepare_target(
        make_table([*SENTENCES * 2, "Zed Zoe"], given)
    )
    assert (len(settled), finding.kind, finding.rows) == (9, "rare class", (9,))
    assert "'ONCE' in row 9" in finding.message


def test_a_check_names_what_a_fit_would_leave_out():
    given = [{"tokens": ["Ann", "saw", f"B{i}"], "tags": ["B-PER", "O", "B-LOC"]} for i in range(20)]
    given[4]["tags"] = ["O"]
    found = {finding.kind: finding for finding in check(given, "tags", budget=Deadline(1)).findings}
    assert found["unusable target"].rows == (5,)
    assert "differ in number" in found["unusable target"].message
    assert "task" in found


def test_one_odd_row_decides_no_scheme_and_is_named():
    texts, target = words(*["Ann went to Rome"] * 30), [("B-PER", "O", "O", "B-LOC")] * 29
    for odd in ("S-PER", "M-PER"):
        task, (said,) = tasks.find("token_classification", make_table(texts, [*target, (odd, "O", "O", "B-LOC")])), [
            f for f in plugins.find("tasks", "token_classification")
            .prepare_target(make_table(texts, [*target, (odd, "O", "O", "B-LOC")]))[1]
            if f.kind == "mixed schemes"
        ]  # fmt: skip
        assert task.scheme.name == "BIO"
        assert "row 30" in said.message
    left, found = plugins.find("tasks", "token_classification").prepare_target(
        make_table(texts, [*target, ("X-PER", "O", "O", "B-LOC")])
    )
    assert len(left) == 29
    assert any("not of the scheme" in f.message and "row 30" in f.message for f in found)


def test_unknown_entity_type_is_named_with_known_ones():
    task = tasks.find("token_classification", make_table(SENTENCES, TAGS))
    with pytest.raises(TaskError, match=r"not there at fit \(XX; known: LOC, PER\)"):
        task.encode(make_table(words("Ann left"), [("B-XX", "O")]))


def test_a_metric_of_another_task_makes_no_labels_of_tags():
    with pytest.raises(SettingError, match="no metric 'accuracy' for entities"):
        tasks.find("auto", make_table(SENTENCES, TAGS), "accuracy")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("# id 1\tdomain=en\nAnn B-PER\nleft O\n\n# id 2\tdomain=en\nHe O\nran O\n", [["Ann", "left"], ["He", "ran"]]),
        ("# sent_id = 2\nAnn NN x B-PER\nleft V x O\n\n# a b O\nran V x O\n", [["Ann", "left"], ["#", "ran"]]),
        ("#Brexit B-EVT\nwon O\n\nhe O\nran O\n", [["#Brexit", "won"], ["he", "ran"]]),
    ],
)
def test_comments_of_conll_are_no_words_and_hashes_are(tmp_path, content, words):
    (tmp_path / "a.conll").write_text(content, encoding="utf-8")
    found, _ = read(tmp_path / "a.conll", text=("tokens",), others=())
    assert [text.split() for text in found.text["tokens"]] == words


def test_lists_of_words_written_into_csv_are_read_as_words(tmp_path):
    import pandas as pd

    rows = [(["Ann", "left", "Rome"], ["B-PER", "O", "B-LOC"]), (["it's", "he"], ["O", "O"])] * 10
    frame = pd.DataFrame(rows, columns=["tokens", "tags"])
    frame.to_csv(tmp_path / "python.csv", index=False)
    frame.map(json.dumps).to_csv(tmp_path / "json.csv", index=False)
    for name in ("python.csv", "json.csv"):
        found, _ = read(tmp_path / name, text=("tokens",), target="tags")
        assert found.text["tokens"][:2].tolist() == ["Ann left Rome", "it's he"]
        assert tasks.recognised("auto", found)[0].name == "token_classification"
        assert len(plugins.find("tasks", "token_classification").prepare_target(found)[0]) == 20


def test_sentence_without_a_tag_is_named_and_skipped():
    words = [["Ann", "left"], ["He", "left", "Rome"], ["Bob", "ran", "far", "off"]]
    made = read(words, y=[["B-PER", "O"], ["O", "O"], ["B-PER", "O", "O", "O"]])[0]
    settled, (finding, *_) = plugins.find("tasks", "token_classification").prepare_target(made)
    assert len(settled) == 2
    assert finding.rows == (2,)
