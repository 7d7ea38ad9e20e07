"""The linear family: hashed n-grams, TF-IDF, its classifiers, its file, and its manners under a deadline."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import chi2, mutual_info_classif
from sklearn.naive_bayes import ComplementNB

from penna import plugins
from penna.budget import OutOfTime, Resources
from penna.data.table import Field, Table
from penna.errors import BundleError
from penna.features import ngrams, selection
from penna.features.ngrams import Grams
from penna.features.svd import directions
from penna.features.tfidf import fit_tfidf
from penna.models.linear import cost
from penna.models.linear import family as linear
from penna.models.linear.classifiers import balance, calibrate, complement_nb, log_counts
from penna.models.linear.single import LinearModel
from penna.models.linear.storage import NAME
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import classification
from penna.tasks.base import Task
from penna.testing import CountdownDeadline, make_resources, make_table

ODD = ["", " ", "\t\n", "\x00", "\ud800 broken", "👩‍👩‍👧 🎉", "这家酒店很好", "don't ’quote’", "İstanbul", "a" * 5000]
SUBJECTS = {"fruit": "apple pear plum fig cherry", "tools": "hammer saw drill wrench axe", "birds": "wren owl crow jay"}
PROFILE = DatasetProfile(rows=240, classes=3, rows_in_smallest_class=80, mean_characters=25.0)


def shopping(n: int = 240, seed: int = 0, kinds: tuple[str, ...] = ("birds", "fruit", "tools")) -> Table:
    """Short texts of three subjects; every tenth label is wrong."""
    rng = np.random.default_rng(seed)
    labels = [kinds[i] for i in rng.integers(0, len(kinds), n)]
    texts = [
        f"I saw a {rng.choice(SUBJECTS[label].split())} at {i % 7}:00, {label[:2]}" for i, label in enumerate(labels)
    ]
    noisy = [kinds[0] if rng.random() < 0.1 else label for label in labels]
    return make_table(texts, noisy)


def always(step: int, of: int, score: float) -> bool:
    return True


def fitted(recipe: Recipe, train: Table, tmp_path: Path) -> tuple[LinearModel, Task]:
    task = classification.from_table(train)
    return linear.fit(recipe, task, train, None, make_resources(tmp_path), always), task


# n-grams


@pytest.mark.parametrize("text", ["the cat sat", "a  b\tc", "one", "é à ü über"])
def test_character_grams_are_those_of_scikit_learn(text: str) -> None:
    _, _, times = ngrams.count([text], Grams(0, 2, 5))
    theirs = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)).fit_transform([re.sub(r"\s+", " ", text)])
    # A word shorter than n is one gram of scikit-learn's for every n; here it is counted once.
    assert len(times) == theirs.shape[1]


def test_word_grams_are_those_of_scikit_learn() -> None:
    texts = ["the cat sat on the mat", "the dog", ""]
    row, _, times = ngrams.count(texts, Grams(words=2))
    theirs = CountVectorizer(ngram_range=(1, 2)).fit_transform(texts)
    assert [int(times[row == i].sum()) for i in range(3)] == theirs.sum(axis=1).A1.tolist()
    assert [int((row == i).sum()) for i in range(3)] == np.diff(theirs.indptr).tolist()


def test_chinese_symbols_and_emoji_are_words() -> None:
    def words(text: str) -> int:
        return int(ngrams.count([text], Grams(words=1))[2].sum())

    assert (words("很好 !"), words("🎉🎉"), words("don't"), words("'tis'")) == (3, 2, 1, 3)


def test_a_text_counts_the_same_alone_and_among_others() -> None:
    grams = Grams(3, 1, 6)
    row, bucket, times = ngrams.count([*ODD, "the cat"], grams)
    for i, text in enumerate([*ODD, "the cat"]):
        _, alone, alone_times = ngrams.count([text], grams)
        assert Counter(dict(zip(alone, alone_times, strict=True))) == Counter(
            dict(zip(bucket[row == i], times[row == i], strict=True))
        )


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=40), max_size=6))
def test_any_text_gives_finite_rows_no_longer_than_one(texts: list[str]) -> None:
    rows = fit_tfidf(texts, Grams(2, 1, 5)).rows(texts) if texts else fit_tfidf(["a"], Grams(1)).rows([])
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    assert rows.shape[0] == len(texts)
    assert np.isfinite(rows.data).all()
    assert (lengths < 1 + 1e-5).all()


@pytest.mark.slow
def test_a_cell_of_two_megabytes_is_read() -> None:
    text = "a fairly long story about nothing at all " * 50_000
    assert fit_tfidf([text, "b"], Grams(2, 2, 5)).rows([text]).nnz > 50


def test_threads_and_chunks_do_not_change_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text number {i} about {i % 13}" for i in range(300)]
    whole = fit_tfidf(texts, Grams(2, 2, 4)).rows(texts)
    monkeypatch.setattr(ngrams, "_CHUNK", 500)
    cut = fit_tfidf(texts, Grams(2, 2, 4), threads=2).rows(texts, threads=2)
    assert (whole != cut).nnz == 0


def test_the_least_count_and_the_limit_choose_the_commonest() -> None:
    texts = ["a b", "a b", "a c", "a d"]
    assert len(fit_tfidf(texts, Grams(1)).buckets) == 4
    assert len(fit_tfidf(texts, Grams(1), min_df=2).buckets) == 2
    only = fit_tfidf(texts, Grams(1), keep=1)
    assert only.rows(["a"]).nnz == 1
    assert only.rows(["b"]).nnz == 0


def test_selection_scores_match_scikit_learn() -> None:
    train = shopping()
    y = classification.from_table(train).encode(train)
    rows = fit_tfidf(train.full_text, Grams(2)).rows(train.full_text)
    of = {
        name: selection.find(name).scores(rows, selection.members(y, 3), 0) for name in ("chi2", "mutual_information")
    }
    assert np.allclose(of["chi2"], chi2(rows, y)[0], rtol=1e-3, atol=1e-5)
    theirs = mutual_info_classif(rows.sign(), y, discrete_features=True)
    assert np.allclose(of["mutual_information"], theirs, atol=1e-5)


@pytest.mark.parametrize("name", plugins.names(selection.ROOM))
@pytest.mark.parametrize("many", [False, True])
def test_every_selection_score_finds_the_informative_word(name: str, many: bool) -> None:
    texts = [f"{'good' if i % 2 else 'bad'} thing w{i}" for i in range(70)]
    y = np.arange(70) % 2
    fitted = fit_tfidf(texts, Grams(1))
    best = selection.best(name, fitted.rows(texts), np.eye(2)[y] if many else y, 2, 2 / len(fitted.buckets))
    assert len(best) == 2
    assert fitted.only(best).rows(["good", "bad"]).nnz == 2
    assert selection.find(name).seconds(1e6, 2) > 0


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_directions_become_weights_of_the_n_grams(classifier: str, tmp_path: Path) -> None:
    recipe = linear.portfolio(PROFILE)[0].replace(svd=20, classifier=classifier)
    model, task = fitted(recipe, shopping(), tmp_path)
    fresh = shopping(seed=1)
    assert np.mean(model.outputs(fresh).argmax(axis=1) == task.encode(fresh)) > 0.8
    assert np.linalg.matrix_rank(model.weights.coef.astype(np.float64), tol=1e-2) <= 20
    model.save(tmp_path)
    assert np.array_equal(linear.load(tmp_path).outputs(fresh), model.outputs(fresh))


def test_rows_that_share_nothing_have_no_directions() -> None:
    texts = ["", "", ""]
    rows = fit_tfidf(texts, Grams(1)).rows(texts)
    assert directions(rows, 10, 0).shape == (0, 0)
    found = directions(fit_tfidf(["a b", "b c", "c a"], Grams(1)).rows(["a b", "b c", "c a"]), 10, 0)
    assert np.allclose(found.T @ found, np.eye(2), atol=1e-5)


# classifiers


def test_complement_naive_bayes_ranks_as_scikit_learn_does() -> None:
    train = shopping()
    y = classification.from_table(train).encode(train)
    rows = fit_tfidf(train.full_text, Grams(2)).rows(train.full_text)
    margins = rows @ ComplementNB(alpha=0.3).fit(rows, y).feature_log_prob_.T
    margins -= margins.mean(axis=1, keepdims=True)
    assert np.allclose(complement_nb(rows, y, 3, 0.3).margins(rows), margins, atol=1e-4)


def test_balanced_weights_give_each_class_the_same_total() -> None:
    y = np.array([0, 0, 0, 1])
    weights = balance(y, 3)
    assert weights[y == 0].sum() == weights[y == 1].sum() == 2


def test_log_count_ratios_are_widest_for_telling_words() -> None:
    train = shopping()
    y = classification.from_table(train).encode(train)
    tfidf = fit_tfidf(train.full_text, Grams(1))
    widths = log_counts(tfidf.rows(train.full_text), y, 3)
    telling, common = (widths[:, tfidf.rows([word]).indices[0]].max() for word in ("hammer", "saw"))
    assert telling > common


@pytest.mark.parametrize("classes", [2, 4])
def test_calibration_finds_the_slope_that_was_taken_away(classes: int) -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(size=(4000, 1 if classes == 2 else classes)).astype(np.float32) * 2
    full = np.concatenate([np.zeros_like(margins), margins], axis=1) if classes == 2 else margins
    y = (full + rng.gumbel(size=full.shape)).argmax(axis=1)
    slope, shift = calibrate(margins / 50, y)
    assert slope == pytest.approx(50, rel=0.1)
    assert np.abs(shift).max() < 0.2


# the family


@pytest.mark.parametrize("recipe", linear.portfolio(PROFILE), ids=str)
def test_portfolio_recipes_learn_and_predict_the_same_from_disk(recipe: Recipe, tmp_path: Path) -> None:
    model, task = fitted(recipe, shopping(), tmp_path)
    fresh = shopping(seed=1)
    outputs = model.outputs(fresh)
    assert outputs.dtype == np.float32
    assert outputs.shape == (240, 3)
    assert np.allclose(outputs.sum(axis=1), 1, atol=1e-5)
    assert np.mean(outputs.argmax(axis=1) == task.encode(fresh)) > 0.8
    model.save(tmp_path)
    assert np.array_equal(linear.load(tmp_path).outputs(fresh), outputs)


@pytest.mark.parametrize("classifier", ["logistic", "svm", "complement_nb"])
def test_every_classifier_learns_two_classes(classifier: str, tmp_path: Path) -> None:
    recipe = linear.portfolio(PROFILE)[0].replace(classifier=classifier, alpha=0.3, c=1.0)
    model, task = fitted(recipe, shopping(kinds=("birds", "tools")), tmp_path)
    fresh = shopping(seed=1, kinds=("birds", "tools"))
    assert np.mean(model.outputs(fresh).argmax(axis=1) == task.encode(fresh)) > 0.8
    model.save(tmp_path)
    assert np.array_equal(linear.load(tmp_path).outputs(fresh), model.outputs(fresh))


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    recipe = linear.portfolio(PROFILE)[4]
    one, two = (fitted(recipe, shopping(), tmp_path)[0] for _ in range(2))
    assert np.array_equal(one.outputs(shopping(seed=1)), two.outputs(shopping(seed=1)))


def test_recipes_at_corners_of_the_space_fit_without_warnings(tmp_path: Path) -> None:
    first = linear.portfolio(PROFILE)[0]
    for corner in (
        {"analyzer": "char", "words": 0, "low": 3, "high": 3, "c": 100.0},
        {"words": 3, "c": 0.01, "balanced": True, "nb": True, "sublinear": False, "lower": False},
        {"min_df": 5, "keep": 10, "select": "mutual_information", "share": 0.1, "classifier": "svm", "c": 100.0},
        {"classifier": "complement_nb", "alpha": 3.0, "min_df": 3, "svd": 100},
        {"svd": 300, "nb": False, "share": 0.5, "select": "l1"},
    ):
        model, _ = fitted(first.replace(**corner), shopping(), tmp_path)
        assert np.isfinite(model.outputs(shopping(seed=1))).all()


def test_every_hyperparameter_is_used_by_the_portfolio() -> None:
    turned = {name for recipe in linear.portfolio(PROFILE) for name, _ in recipe.hyperparameters}
    assert {hyperparameter.name for hyperparameter in linear.search_space(PROFILE)} == turned


@pytest.mark.parametrize("recipe", linear.portfolio(PROFILE)[:5], ids=str)
def test_odd_texts_are_answered(recipe: Recipe, tmp_path: Path) -> None:
    train = make_table(ODD * 3, (["a", "b"] * 15))
    model, _ = fitted(recipe, train, tmp_path)
    assert np.allclose(model.outputs(make_table(ODD)).sum(axis=1), 1, atol=1e-5)
    assert model.outputs(make_table([])).shape == (0, 2)


def test_texts_that_are_all_empty_give_the_shares_of_the_classes(tmp_path: Path) -> None:
    model, _ = fitted(linear.portfolio(PROFILE)[0], make_table([""] * 40, ["a"] * 30 + ["b"] * 10), tmp_path)
    assert model.outputs(make_table(["anything"]))[0] == pytest.approx([0.75, 0.25], abs=0.02)
    model.save(tmp_path)
    assert linear.load(tmp_path).outputs(make_table(["anything"]))[0, 0] == pytest.approx(0.75, abs=0.02)


def test_class_without_training_rows_is_unlikely(tmp_path: Path) -> None:
    train = shopping()
    task = classification.from_table(train)
    without = train.take(np.flatnonzero(task.encode(train) != 1))
    for recipe in linear.portfolio(PROFILE)[:5]:
        outputs = linear.fit(recipe, task, without, None, make_resources(tmp_path), always).outputs(train)
        assert outputs.shape[1] == 3
        assert outputs[:, 1].mean() < 0.2


# budgets


def test_no_time_raises_out_of_time(tmp_path: Path) -> None:
    train = shopping()
    with pytest.raises(OutOfTime):
        linear.fit(
            linear.portfolio(PROFILE)[0],
            classification.from_table(train),
            train,
            None,
            make_resources(tmp_path, -1),
            always,
        )


@pytest.mark.slow
def test_a_fit_that_is_too_long_is_cut_to_the_deadline(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(2_000)])
    texts = [" ".join(row) for row in words[rng.integers(0, 2_000, (2_000, 12))]]
    train = make_table(texts, [f"c{i % 60}" for i in range(2_000)])
    recipe, deadline = linear.portfolio(PROFILE)[8], CountdownDeadline(12)
    given = Resources(tmp_path, deadline, 1)
    model = linear.fit(recipe, classification.from_table(train), train, None, given, always)
    assert 0 < deadline.late < 5
    assert model.outputs(train.take(np.arange(5))).shape == (5, 60)


def test_the_cost_grows_with_rows_and_classes(tmp_path: Path) -> None:
    small, large = shopping(200), shopping(20_000)
    recipe = linear.portfolio(PROFILE)[2]
    few, many = (linear.cost(recipe, PROFILE, each, make_resources(tmp_path)).seconds for each in (small, large))
    wide = linear.cost(recipe, replace(PROFILE, classes=100), large, make_resources(tmp_path)).seconds
    assert few < many < wide


def test_recipe_for_a_large_table_is_shrunk_or_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(5_000)])
    train = make_table([" ".join(row) for row in words[rng.integers(0, 5_000, (100_000, 20))]])
    recipe, given = linear.portfolio(PROFILE)[2], make_resources(tmp_path)
    whole = linear.cost(recipe, PROFILE, train, given).seconds
    smaller = linear.shrink(recipe, PROFILE, train, given, whole / 2)
    assert smaller is not None
    assert 0.2 < smaller.fidelity < 0.7
    assert linear.cost(smaller, PROFILE, train, given).seconds <= whole / 2
    assert linear.shrink(recipe, PROFILE, train, given, whole / 1000) is None


def test_effort_takes_a_part_of_a_large_table_only() -> None:
    short = cost.Plan(rows=1000, values=1e5, characters=1e5, features=1e4, columns=3)
    long = replace(short, rows=1_000_000, values=1e8, characters=1e8)
    assert short.rows_at(0.1) == 1000
    assert long.rows_at(0.1) == 100_000
    assert long.rows_within(long.seconds(1_000_000) / 2) == pytest.approx(500_000, rel=0.1)


def test_a_sample_keeps_the_shares_and_one_row_of_each_class() -> None:
    y = np.repeat([0, 1, 2], [900, 99, 1])
    taken = y[cost.sample(y, 100, seed=0)]
    assert np.bincount(taken).tolist() == [90, 10, 1]


# the file


def saved(tmp_path: Path) -> tuple[Path, Table, np.ndarray]:
    model, _ = fitted(linear.portfolio(PROFILE)[0], shopping(60), tmp_path)
    model.save(tmp_path)
    return tmp_path / NAME, shopping(5, seed=1), model.outputs(shopping(5, seed=1))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="missing"):
        linear.load(tmp_path)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path, Table, np.ndarray]:
    path, fresh, outputs = saved(tmp_path_factory.mktemp("linear"))
    return path.read_bytes(), path, fresh, outputs


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255), cut=st.booleans(), front=st.booleans())
def test_a_damaged_file_is_refused_or_harmless(
    stored: tuple[bytes, Path, Table, np.ndarray], where: float, value: int, cut: bool, front: bool
) -> None:
    whole, path, fresh, outputs = stored
    place = int(where * (700 if front else len(whole)))
    broken = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ value]) + whole[place + 1 :]
    path.write_bytes(broken)
    try:
        model = linear.load(path.parent)
    except BundleError:
        return
    assert np.array_equal(model.outputs(fresh), outputs)


def test_file_of_wrong_sizes_or_newer_format_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    from penna.models.linear import storage as files

    model, _ = fitted(linear.portfolio(PROFILE)[0], shopping(60), tmp_path)
    arrays = {
        "buckets": model.tfidf.buckets,
        "idf": model.tfidf.idf,
        "coef": model.weights.coef.T.astype(np.float16),
        "intercept": model.weights.intercept,
    }
    good = '{"format": 1, "words": 2, "low": 0, "high": 0, "lower": true, "sublinear": true}'
    for settings_, change in (
        (good, {"idf": arrays["idf"][:-1]}),
        (good, {"coef": arrays["coef"].astype(np.float32)}),
        (good, {"intercept": np.full_like(arrays["intercept"], np.nan)}),
        (good, {"buckets": arrays["buckets"][::-1].copy()}),
        (good.replace('"format": 1', '"format": 3'), {}),
        (good.replace('"words": 2', '"words": 99999'), {}),
        ("[]", {}),
    ):
        wrong = {name: np.ascontiguousarray(value) for name, value in {**arrays, **change}.items()}
        about = {"settings": settings_, "digest": files._digest(settings_, wrong)}
        save_file(wrong, tmp_path / NAME, metadata=about)
        with pytest.raises(BundleError):
            linear.load(tmp_path)


# counts of the text


def shouting(n: int = 120) -> Table:
    """The words tell nothing; who shouts is of one class."""
    texts = [f"thing w{i % 7}" for i in range(n)]
    return make_table([text.upper() if i % 2 else text for i, text in enumerate(texts)], ["loud", "calm"] * (n // 2))


def test_style_features_are_added_to_words(tmp_path: Path) -> None:
    base = linear.portfolio(PROFILE)[0].replace(lower=True)
    train, fresh = shouting(), shouting()
    deaf, task = fitted(base, train, tmp_path)
    model, _ = fitted(base.replace(counts=True), train, tmp_path)
    hits = [np.mean(m.outputs(fresh).argmax(axis=1) == task.encode(fresh)) for m in (deaf, model)]
    assert hits[0] < 0.9 < 0.99 < hits[1]
    model.save(tmp_path)
    assert np.array_equal(linear.load(tmp_path).outputs(fresh), model.outputs(fresh))
    assert np.isfinite(model.outputs(make_table(ODD))).all()


@pytest.mark.parametrize("columns", ["standard", "none"])
def test_a_column_called_like_a_count_stays_what_it_is(columns: str, tmp_path: Path) -> None:
    train = shouting()
    given = {"text: words": np.arange(120) % 2 * 5.0}
    train = replace(train, columns=given, fields=dict.fromkeys(given, Field("numeric")))
    model, _ = fitted(linear.portfolio(PROFILE)[0].replace(counts=True, columns=columns), train, tmp_path)
    names = [name for name, _ in model.column_features.columns.fields]
    assert "text: words_" in names
    assert ("text: words" in names) == (columns == "standard")
    model.save(tmp_path)
    assert np.array_equal(linear.load(tmp_path).outputs(train), model.outputs(train))
