"""Checks: each fault that is planted is named, with its rows; a sound table is left in peace; nothing breaks."""

import json
import subprocess
import sys
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from penna.automl import data_check
from penna.cli import app
from penna.data.table import Table
from penna.preprocessing import checks, near_duplicates, shingles
from penna.preprocessing.check_context import CheckContext, Truncation
from penna.preprocessing.checks import (
    encoding,
    label_errors,
    language,
    leakage,
    markup,
    numeric_outliers,
    text_outliers,
)
from penna.preprocessing.columns.column import Column
from penna.report import render_page
from penna.report.data_check import checks as as_record

# fmt: off
OBJECTS = ["film", "story", "card", "kettle", "garden", "window", "river", "paper", "engine", "violin", "harbour"]
VERBS = ["saw", "lost", "found", "liked", "sold", "carried", "painted", "broke", "cleaned", "wanted", "heard"]
PLACES = ["Berlin", "Lima", "Oslo", "Cairo", "Delhi", "Quito", "Dakar", "Seoul", "Tunis", "Hanoi", "Rabat", "Sofia"]
# fmt: on


def sentences(n: int, seed: int = 0) -> list[str]:
    """Sentences that differ from one another in most of their words."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        first, second = rng.choice(OBJECTS, 2, replace=False)
        made.append(
            f"{rng.choice(PLACES)} {i * 7919 % 1000}: somebody {rng.choice(VERBS)} one {first} near "
            f"{rng.choice(PLACES)} and {rng.choice(VERBS)} another {second} on day {i}"
        )
    return made


def sheet(texts=None, strata=None, n=60, *, columns=None, test=None, **more) -> CheckContext:
    texts = sentences(n) if texts is None else texts
    strata = np.arange(len(texts)) % 2 if strata is None else np.asarray(strata)
    classes = ("no", "yes") if strata.max() < 2 else tuple(f"class {j}" for j in range(strata.max() + 1))
    target = np.array([None if j < 0 else classes[j] for j in strata], dtype=object)
    table = Table({"text": np.array(texts, dtype=object)}, target, rows=np.arange(1, len(texts) + 1))
    held = {name: Column(name, cells) for name, cells in (columns or {}).items()}
    return CheckContext(table, held, strata, classes, test=test, **more)


def told(name: str, given: CheckContext) -> dict:
    """Kind -> finding of one check."""
    return {finding.kind: finding for finding in checks.find(name).find(given)}


def proba(strata, sure=0.9, classes=2, seed=0):
    """Probabilities that are mostly right and seldom quite sure."""
    rng = np.random.default_rng(seed)
    out = np.full((len(strata), classes), 1.0)
    out[np.arange(len(strata)), strata] += rng.uniform(5, 60, len(strata)) * sure
    return out / out.sum(axis=1, keepdims=True)


ODD = [
    sheet(n=1, strata=[0]),
    sheet(["", " ", "\n"], [0, 1, -1]),
    sheet(["same"] * 40, [0, 1] * 20),
    sheet([f"\ud800 {i} \0" for i in range(30)]),
    sheet(sentences(30), columns={"none": [None] * 30, "mixed": [1, "a", 2.5, None, float("inf"), True] * 5}),
    sheet(sentences(30), np.full(30, -1)),
    CheckContext(Table({"text": np.array(sentences(25), dtype=object)}, rows=np.arange(1, 26))),
    sheet(sentences(30), test=sheet(sentences(5), np.full(5, -1), columns={"new": list("abcde")})),
    sheet(sentences(60), outputs=np.full((60, 2), np.nan)),
    sheet(sentences(60), vectors=np.zeros((60, 4), np.float32)),
]


@pytest.mark.parametrize("name", checks.names())
def test_every_check_has_a_description_and_passes_clean_data(name):
    check = checks.find(name)
    assert check.LOOKS_FOR
    assert check.NEEDS in ("", "outputs", "vectors")
    strata = np.arange(300) % 2
    vectors = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    columns = {"shop": ["north", "south", "east"] * 100, "amount": [f"{i * 37 % 101}.5" for i in range(300)]}
    other = sheet(sentences(40, seed=9), columns={"shop": ["east"] * 40, "amount": ["7.5"] * 40})
    sound = sheet(sentences(300), strata, columns=columns, test=other, outputs=proba(strata), vectors=vectors)
    assert [f for f in check.find(sound) if f.kind not in ("constant column",)] == []


@pytest.mark.parametrize("name", checks.names())
@pytest.mark.parametrize("odd", range(len(ODD)))
def test_an_odd_table_breaks_no_check_and_a_finding_is_whole(name, odd):
    given = ODD[odd]
    for finding in checks.find(name).find(given):
        rows = given.test.rows if finding.source == "test" else given.rows
        assert finding.count > 0
        assert finding.message.endswith(".")
        assert finding.does
        assert finding.change
        assert len(finding.examples) <= 6
        assert set(finding.rows) <= set(rows.tolist())
        assert finding.rows or finding.columns or finding.kind == "class imbalance"
        json.dumps(asdict(finding))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=30), st.integers(0, 5))
def test_no_text_breaks_a_check(texts, copies):
    texts = texts + texts[:copies]
    given = sheet(texts, np.arange(len(texts)) % 3 - 1, columns={"note": texts})
    for name in checks.names():
        for finding in checks.find(name).find(given):
            finding.message.encode("utf-8", "surrogatepass")


# Texts.


def test_empty_and_near_empty_texts_are_separate_findings():
    texts = sentences(30)
    texts[3], texts[7], texts[9], texts[12], texts[13] = "", " \n", "?!", "ok", "好的"
    found = told("empty_text", sheet(texts))
    assert found["empty text"].rows == (4, 8)
    assert found["near-empty text"].rows == (10, 13)


def test_copies_near_copies_and_their_labels_are_named():
    texts = sentences(60)
    texts[20], texts[21] = texts[4], texts[5]  # the same class, another class
    texts[30], texts[33] = texts[6].upper() + " !!", texts[8].replace("somebody", "someone")
    strata = np.arange(60) % 2
    strata[21] = 1 - strata[5]
    found = told("duplicates", sheet(texts, strata))
    assert found["repeated text"].rows == (21, 22)
    assert found["torn labels"].rows == (6, 22)
    assert found["near duplicates"].rows == (31, 34)
    assert found["torn near duplicates"].rows == (9, 34)
    assert "row 31 is like row 7" in found["near duplicates"].examples[0]


def test_test_rows_that_were_trained_on_are_leaks():
    data, fresh = sentences(60), sentences(20, seed=5)
    fresh[2], fresh[5] = data[10], data[11].upper()
    found = told("duplicates", sheet(data, test=sheet(fresh)))
    assert (found["leak"].rows, found["near leak"].rows) == ((3,), (6,))
    assert found["leak"].source == "test"


def test_near_texts_are_those_that_comparing_all_with_all_finds():
    rng = np.random.default_rng(0)
    texts = sentences(150)
    for i in range(100, 150):  # one to four words changed
        parts = texts[int(rng.integers(100))].split()
        for place in rng.choice(len(parts), 1 + i % 4, replace=False):
            parts[place] = f"new{i}"
        texts[i] = " ".join(parts)
    split = shingles.split(texts)
    sets = []
    for text in texts:
        listed = shingles.listed(text)
        sets.append({*listed, *pairwise(listed)})
    roots = near_duplicates.groups(split)
    overlap = {(a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for b in range(150) for a in range(b)}
    together = [pair for pair, share in overlap.items() if share >= near_duplicates.LEAST]
    assert len(together) > 10
    assert np.mean([roots[a] == roots[b] for a, b in together]) > 0.95
    alone = [i for i in range(150) if all(i not in pair for pair in together)]
    assert all(roots[i] == i for i in alone)


@pytest.mark.parametrize("text", ["itâ€™s clichÃ©d", "Ãœber", "naÃ¯ve", "â€œsoâ€\x9d", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚"])
def test_mojibake_is_seen(text):
    assert encoding.mojibake(text)


@pytest.mark.parametrize(
    "text", ["it’s clichéd – “so”", "Über", "ÄÖÜ äöü ß", "São Tomé, Ñandú", "привет", "價錢", "5 € ½ ± °", ""]
)
def test_text_in_any_language_is_no_mojibake(text):
    assert not encoding.mojibake(text)


def test_broken_encodings_are_named_with_how_they_should_read():
    texts = sentences(40)
    texts[3] += " itâ€™s"
    texts[5] += " \ufffd"
    texts[6] += " \x07"
    found = told("encoding", sheet(texts))
    assert found["broken encoding"].rows == (4,)
    assert "should read" in found["broken encoding"].examples[0]
    assert found["broken encoding"].examples[0].endswith('3 it’s"')
    assert found["lost characters"].rows == (6,)
    assert found["control characters"].rows == (7,)


def test_markup_is_html_and_not_every_sharp_bracket():
    texts = sentences(40)
    texts[1] += " <br/>"
    texts[2] += " <a href='x'>y</a>"
    texts[3] += " fish &amp; chips &#39;"
    texts[4] += " <user> stated 3 < 4 > 2 & <3 R&D; <url>"
    assert told("markup", sheet(texts))["markup"].rows == (2, 3, 4)
    assert markup._place("x <B>") == 2


def test_what_many_texts_share_is_boilerplate_and_a_copy_is_none():
    texts = sentences(200)
    for i in range(0, 60, 2):
        texts[i] += " sent from my phone please do not reply to this address"
    texts[100:130] = [texts[100]] * 30
    found = told("boilerplate", sheet(texts))["boilerplate"]
    assert found.rows == tuple(range(1, 61, 2))
    assert "sent from my phone please do not reply to this address" in found.examples[0]


def test_scripts_and_languages_other_than_most_are_named():
    texts = [f"this is what it was and that is not the end of {t}" for t in sentences(60)]
    texts[4] = "это совсем другой алфавит"
    texts[9] = "das ist nicht der Film und auch nicht das Buch, das ich für die Schule gelesen habe"
    found = told("language", sheet(texts))
    assert found["script mix"].rows == (5,)
    assert found["language mix"].rows == (10,)
    assert "German" in " ".join(found["language mix"].examples)


def test_japanese_is_one_script_and_digits_are_none():
    assert len(set(language.scripts(["これは日本語です", "日本", "カタカナ"]).tolist())) == 1
    assert language.scripts(["123 !?", ""]).tolist() == [-1, -1]


def test_far_longer_texts_are_outliers_and_the_cut_is_counted():
    texts = sentences(80)
    texts[7] = " ".join(sentences(60, seed=3))
    texts[8] = "long " * 30_000
    found = told("lengths", sheet(texts))
    assert found["length outlier"].rows == (8,)
    assert found["long text"].rows == (9,)
    assert found["truncated text"].rows == (8, 9)
    measured = sheet(sentences(80), reach=Truncation("tiny", np.arange(80) * 10, 64))
    assert told("lengths", measured)["truncated text"].count == 73
    assert "64 tokens, what tiny reads" in told("lengths", measured)["truncated text"].message


def test_a_text_far_from_all_others_is_an_outlier():
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 0.05, (400, 16)).astype(np.float32) + 1
    vectors[33] = -1
    assert told("text_outliers", sheet(n=400, vectors=vectors))["outlier text"].rows == (34,)
    assert text_outliers.distances(vectors).argmax() == 33


# The target.


def test_flipped_labels_are_named_the_likeliest_first():
    rng = np.random.default_rng(1)
    true = np.arange(600) % 3
    outputs = proba(true, classes=3)
    given = true.copy()
    flipped = rng.choice(600, 60, replace=False)
    given[flipped] = (given[flipped] + 1) % 3
    found = label_errors.suspects(given, outputs)
    assert np.isin(found.places, flipped).mean() > 0.9
    assert np.isin(flipped, found.places).mean() > 0.8
    assert (np.diff(found.chance) <= 0).all()
    assert (found.instead == true[found.places]).mean() > 0.9
    assert 0.05 < found.share < 0.2
    finding = told("label_errors", sheet(n=600, strata=given, outputs=outputs))["wrong label"]
    assert finding.rows == tuple((found.places + 1).tolist())
    assert "reads like class" in finding.examples[0]


def test_second_round_drops_noisy_rows_but_no_class():
    true = np.arange(400) % 2
    given, outputs = true.copy(), proba(true)
    given[:8] = 1 - given[:8]
    outputs[20:30] = np.nan
    out = label_errors.doubted(given, outputs)
    assert out[:8].mean() > 0.5
    assert not out[8:].any()
    few = np.where(np.arange(400) < 10, 2, true)  # a class that the models take for another
    three = np.concatenate([outputs, np.full((400, 1), 1e-6)], axis=1)
    assert not label_errors.doubted(few, three)[:10].any()


def test_rows_without_outputs_are_not_suspicious():
    strata = np.arange(200) % 2
    outputs = proba(1 - strata)
    outputs[:100] = np.nan
    assert all(
        row > 100 for f in told("label_errors", sheet(n=200, strata=strata, outputs=outputs)).values() for row in f.rows
    )


def test_uneven_and_rare_classes_are_named_with_their_rows():
    strata = np.array([0] * 280 + [1] * 15 + [2] * 4 + [3])
    found = told("class_balance", sheet(n=300, strata=strata))
    assert "class 0 has 280 rows" in found["class imbalance"].message
    assert found["rare class"].rows == tuple(range(296, 301))
    assert "--rare-classes drop" in found["rare class"].change


def test_labels_that_differ_in_spelling_only_are_named():
    given = sheet(n=90, strata=[0] * 40 + [1] * 40 + [2] * 10)
    given = CheckContext(given.table, {}, given.strata, ("Positive", "negative", "positive "))
    assert told("class_balance", given)["label spelling"].rows == tuple(range(81, 91))


# Columns.


def columns(**cells):
    return sheet(n=120, columns=cells)


def test_constants_ids_and_copies_are_idle():
    name = [f"u{i}" for i in range(120)]
    found = told(
        "uninformative_columns",
        columns(
            key=name, number=list(range(1000, 1120)), same=["x"] * 120, nothing=[""] * 120,
            shop=["n", "s", "e"] * 40, code=[7, 8, 9] * 40, price=[i * 1.37 for i in range(120)],
        ),
    )  # fmt: skip
    assert found["id column"].columns == ("key", "number")
    assert found["constant column"].columns == ("same",)
    assert found["empty column"].columns == ("nothing",)
    assert found["copied column"].columns == ("code",)


def test_leaking_column_is_named_and_a_helpful_one_is_not():
    rng = np.random.default_rng(0)
    strata = np.arange(120) % 2
    noisy = np.where(rng.random(120) < 0.7, strata, 1 - strata)
    found = told(
        "leakage",
        columns(
            note=[f"code {j}" for j in strata], score=[f"{j + 0.4 * rng.random():.4f}" for j in strata],
            help=noisy.tolist(), chance=rng.integers(0, 9, 120).tolist(), key=list(range(120)),
        ),
    )  # fmt: skip
    assert set(found["leaking column"].columns) == {"note", "score"}


def test_a_tenth_of_wrong_labels_does_not_hide_a_leak():
    strata = np.arange(500) % 2
    given = np.where(np.arange(500) % 10 == 3, 1 - strata, strata)
    assert leakage.predictive_strength(Column("leak", strata.tolist()), given, np.arange(500)) >= leakage.GIVEN_AWAY


def test_a_word_that_only_one_class_has_is_a_leak():
    texts = [f"{t} verdict{i % 2}" for i, t in enumerate(sentences(120))]
    found = told("leakage", sheet(texts))["leaking word"]
    assert found.count == 120
    assert "verdict0" in " ".join(found.examples)


def test_missing_cells_and_words_for_them_are_counted_by_column():
    found = told(
        "missing_values", columns(age=["", None, float("nan"), *["4"] * 117], size=["N/A"] * 5 + ["big"] * 115)
    )
    assert found["missing values"].columns == ("age",)
    assert "3 cells, 2.5 %" in found["missing values"].examples[0]
    assert found["missing in words"].columns == ("size",)


def test_outliers_infinities_and_words_are_named():
    price = [str(10 + i % 7) for i in range(120)]
    price[5] = "1,000,000"
    ratio = [str(i % 9) for i in range(120)]
    ratio[8] = "inf"
    turned = [str(i) for i in range(80)] + ["many"] * 40
    found = told(
        "numeric_outliers", columns(price=price, ratio=ratio, turned=turned, wide=list(np.geomspace(1, 1e4, 120)))
    )
    assert found["numeric outlier"].columns == ("price", "ratio")
    assert found["numeric outlier"].rows == (6, 9)
    assert found["mixed column"].columns == ("turned",)
    assert found["mixed column"].rows == tuple(range(81, 121))
    assert numeric_outliers.outliers(np.array([np.nan, np.inf])).tolist() == [1]


def test_decimal_commas_are_numbers_for_checks_and_fits():
    assert "mixed column" not in told(
        "numeric_outliers", columns(price=[f"{i},5" if i % 3 else str(i) for i in range(120)])
    )


def test_typed_numbers_are_checked_like_their_cells():
    cells = np.array([2.5, np.nan, 1.0, 2.5, -3.0])
    read, written = Column("x", cells), Column("x", ["2.5", "", "1", "2.5", "-3"])
    for seen in ("missing", "stand_ins", "numbers", "codes"):
        np.testing.assert_array_equal(getattr(read, seen), getattr(written, seen))


def test_values_and_columns_of_only_one_file_are_named():
    test = sheet(sentences(4, seed=3), columns={"shop": ["n", "moon", "", "s"]})
    test.table.target[2] = "perhaps"
    found = told(
        "unseen_categories", sheet(n=120, columns={"shop": ["n", "s"] * 60, "age": ["1", "2"] * 60}, test=test)
    )
    assert found["unseen category"].columns == ("shop",)
    assert found["unseen category"].rows == (2,)
    assert found["missing column"].columns == ("age",)
    assert found["unknown label"].rows == (3,)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,250.5", 1250.5),
        ("-3", -3),
        ("1e3", 1000),
        ("inf", np.inf),
        ("1,25", 1.25),
        ("$ 4.50", 4.5),
        ("nan", np.nan),
        ("12a", np.nan),
    ],
)
def test_cells_are_numbers_as_people_write_them(cell, number):
    assert np.array_equal(Column("x", [cell]).numbers, [number], equal_nan=True)


# The verb, the page and the command.


def frame(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n)
    texts = [
        f"{'lovely, grand, superb' if j else 'awful, dull, dreadful'} {t}"
        for j, t in zip(labels, sentences(n), strict=True)
    ]
    frame = pd.DataFrame({"review": texts, "label": np.where(labels, "good", "bad"), "shop": rng.choice(["n", "s"], n)})
    frame.loc[[3, 50], "label"] = ["bad" if frame.label[i] == "good" else "good" for i in (3, 50)]
    frame.loc[7, "review"], frame.loc[9, "label"] = "", None
    return frame


@pytest.mark.slow
def test_check_finds_wrong_labels_out_of_fold():
    data = frame()
    found = data_check.check(data, "label", text="review", budget=60, n_jobs=1)
    kinds = {finding.kind: finding for finding in found.findings}
    assert set(kinds["wrong label"].rows) == {4, 51}
    assert kinds["empty text"].rows == (8,)
    assert kinds["missing target"].rows == (10,)
    assert (found.rows, found.task) == (300, "classification")
    assert found.models[0].startswith("linear")
    assert set(found.looked) == set(checks.names())
    assert not found.skipped
    again = data_check.check(data, "label", text="review", budget=60, n_jobs=1)
    assert again.findings == found.findings


@pytest.mark.slow
def test_an_encoder_measures_lengths_and_finds_outliers(tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("PENNA_CACHE", str(tmp_path))
    found = data_check.check(frame(80), "label", text="review", encoders=[str(tiny_bert)], budget=60, n_jobs=1)
    assert set(found.looked) == set(checks.names())
    assert any(model.startswith("frozen") for model in found.models)
    lost = data_check.check(frame(80), "label", text="review", encoders=["./nowhere"], budget=60, n_jobs=1)
    assert "./nowhere" in dict(lost.skipped)


@pytest.mark.slow
def test_check_reports_errors_of_fit_and_goes_on():
    data = frame()
    data.loc[20, "label"] = "queer"
    found = data_check.check(data, "label", text="review", budget=60, n_jobs=1)
    assert found.findings[0].severity == "error"
    assert "'queer' (row 21)" in found.findings[0].message
    assert {"rare class", "wrong label"} <= {finding.kind for finding in found.findings}
    alone = data_check.check(data.assign(label="same"), "label", text="review", budget=60, n_jobs=1)
    assert "only one class" in alone.findings[0].message
    assert "label_errors" in dict(alone.skipped)


def test_a_quantity_is_checked_without_classes():
    data = frame().assign(label=np.linspace(0, 9, 300) ** 2, copied=np.linspace(0, 9, 300) ** 2)
    found = data_check.check(data, "label", text="review", budget=60, n_jobs=1)
    kinds = {finding.kind: finding for finding in found.findings}
    assert found.task == "regression"
    assert kinds["leaking column"].columns == ("copied",)
    assert not {"class imbalance", "wrong label"} & set(kinds)


def penna(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.slow
def test_command_writes_text_json_and_a_page(tmp_path):
    data, test, page = tmp_path / "reviews.csv", tmp_path / "test.csv", tmp_path / "page.html"
    made = frame()
    made.to_csv(data, index=False)
    made.tail(30).to_csv(test, index=False)
    given = ("check", data, "--target", "label", "--text", "review", "--budget", "20s", "--threads", 1, "--test", test)
    said = penna(*given, "--html", page)
    assert said.exit_code == 0
    assert "300 rows and 30 test rows" in said.stdout
    assert "warning: labels that are likely wrong" in said.stdout
    assert "To change that:" in said.stdout
    found = json.loads(penna(*given, "--json").stdout)
    kinds = {finding["kind"]: finding for finding in found["findings"]}
    assert kinds["leak"]["count"] == 30
    assert found["looked"]["markup"] == "markup"
    assert '<section id="checks">' in page.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    result = penna("check", tmp_path / "none.csv", "--target", "label")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_page_of_checks_escapes_what_users_wrote():
    texts = sentences(30)
    texts[3] = "<script>alert(1)</script> <b>x</b>"
    page = render_page({"checks": as_record(checks.find("markup").find(sheet(texts)), rows=30)})
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "1 warning</strong> in <strong>30 rows" in page


def test_the_command_line_loads_neither_cleanlab_nor_ftfy():
    ask = "import sys, penna.cli; print({'cleanlab', 'ftfy', 'sklearn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "set()"


def test_a_table_without_text_is_checked_by_its_columns():
    rng = np.random.default_rng(0)
    label = np.where(np.arange(200) % 2, "good", "bad")
    data = pd.DataFrame({"age": rng.integers(0, 90, 200), "code": np.where(label == "good", 7, 8), "label": label})
    found = data_check.check(data, "label", budget=60, n_jobs=1)
    assert next(f for f in found.findings if f.kind == "leaking column").columns == ("code",)
    assert {"label_errors", "text_outliers"} <= {what for what, _ in found.skipped}
    assert "empty text" not in {f.kind for f in found.findings}


@pytest.mark.slow
def test_thousands_of_columns_are_a_few_findings():
    many = {f"c{i}": [i] * 60 for i in range(500)} | {f"m{i}": [None] * 60 for i in range(500)}
    data = pd.concat([frame(60), pd.DataFrame(many)], axis=1)
    found = data_check.check(data, "label", text="review", budget=60, n_jobs=1)
    kinds = {finding.kind: finding for finding in found.findings}
    assert kinds["constant column"].count == kinds["empty column"].count == 500
    assert len(kinds["constant column"].message) < 200


@pytest.mark.parametrize("texts", [["a good film", "a bad film"], ["the same"], ["one", "two", "three"]])
def test_few_different_texts_are_checked_without_models(texts):
    data = pd.DataFrame({"text": texts * 30, "label": ["x", "y"] * (15 * len(texts))})
    found = data_check.check(data, "label", text="text", budget=60, n_jobs=1)
    assert any(finding.kind.startswith("duplicate") or "repeat" in finding.message for finding in found.findings)


def test_named_columns_are_checked_and_ignored_ones_are_not(tmp_path):
    cells = "".join(f"a longer text of row {i},{'yn'[i % 2]},{i},{i % 3},{i}\n" for i in range(40))
    (tmp_path / "a.csv").write_text("text,label,key,code,id\n" + cells)
    ran = penna("check", tmp_path / "a.csv", "--target", "label", "--numeric-columns", "key", "--categorical-columns",
                  "code", "--ignore-columns", "id", "--budget", "5s", "--json")  # fmt: skip
    found = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert {name: found["columns"][name] for name in ("key", "code", "id")} == {
        "key": "numeric", "code": "categorical", "id": "ignore",
    }  # fmt: skip
    assert not any(finding["kind"] == "id column" for finding in found["findings"])
    ran = penna("check", tmp_path / "a.csv", "--target", "label", "--multi-value-columns", "kez")
    assert ran.exit_code == 2
    assert "did you mean 'key'" in ran.stderr


@pytest.mark.slow
def test_a_check_shows_the_roles_that_a_fit_would_take():
    rows = [f"some words about case {i} and so on" for i in range(40)]
    table = pd.DataFrame({"text": rows, "label": ["a", "b"] * 20, "price": [f"{i * 1.5}" for i in range(40)],
                          "colour": ["red", "blue", "green", "red"] * 10})  # fmt: skip
    assert data_check.check(table, "label", budget=20, n_jobs=1).columns == {
        "text": "text", "label": "target", "price": "numeric", "colour": "categorical",
    }  # fmt: skip
