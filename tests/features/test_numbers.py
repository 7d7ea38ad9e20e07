"""Columns of numbers: every scale, every filling, and rows that stand alone; fitted, kept, and opened again."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.impute import KNNImputer
from sklearn.preprocessing import PowerTransformer

from penna import plugins
from penna.data.table import Field, Table
from penna.errors import BundleError
from penna.features import columns, imputation, isolation_forest, numeric_matrix, scaling
from penna.features.columns.base import Way
from penna.models.linear import tabular

SCALES = plugins.names(scaling.ROOM)
FILLERS = plugins.names(imputation.ROOM)


def numbers(n: int = 60, seed: int = 0, gaps: float = 0.2) -> np.ndarray:
    """(n, 4): the second follows the first, the fourth is nowhere known."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1, 10, 100, 1]
    X[:, 1] = 10 * X[:, 0] + rng.normal(size=n)
    X[rng.random(X.shape) < gaps] = np.nan
    X[:, 3] = np.nan
    return X


def table(X: np.ndarray) -> Table:
    cells = {f"c{j}": X[:, j] for j in range(X.shape[1])}
    return Table({}, columns=cells, fields=dict.fromkeys(cells, Field("numeric")), rows=np.arange(1, len(X) + 1))


def untaught(X: np.ndarray) -> np.ndarray:
    return np.zeros((len(X), 1), np.float32)


FLOATS = st.floats(-1e30, 1e30, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(FLOATS, min_size=1, max_size=30), unseen=st.lists(FLOATS, max_size=5))
@example(values=[0.0, 2e-144, 7e-282], unseen=[-1.0, 1e30])
@pytest.mark.parametrize("name", SCALES)
def test_every_scale_is_finite_and_knows_its_own_points(name, values, unseen):
    scale = scaling.find(name)
    points = scale.fit(np.array(values))
    assert scale.fits(points)
    for some in (values, unseen):
        made = scale.matrix(np.array(some, np.float64), points)
        assert made.shape == (len(some), scale.width(points))
        assert np.isfinite(made).all()


@pytest.mark.parametrize("name", sorted(set(SCALES) - {"bins"}))
def test_what_is_larger_is_never_smaller_on_a_scale(name):
    values = np.random.default_rng(0).lognormal(size=200)
    scale = scaling.find(name)
    made = scale.matrix(np.sort(values), scale.fit(values))[:, 0]
    assert (np.diff(made) >= 0).all()


def test_the_power_is_the_one_that_scikit_learn_finds():
    values = np.random.default_rng(0).lognormal(size=400)
    scale = scaling.find("power")
    theirs = PowerTransformer().fit_transform(values[:, None] / values.std())
    assert np.allclose(scale.matrix(values, scale.fit(values)), theirs, atol=1e-2)


def test_winsor_brings_a_wild_number_in_and_bins_share_the_rows():
    values = np.array([*range(99), 1e9])
    winsor, bins = scaling.find("winsorize"), scaling.find("bins")
    assert winsor.matrix(values, winsor.fit(values)).max() > 1
    assert winsor.fit(values)[2] < 1e8
    assert bins.matrix(values, bins.fit(values)).sum(axis=0).tolist() == [10] * 10


@pytest.mark.parametrize("name", SCALES)
def test_points_that_no_scale_gave_are_refused(name):
    fitted, _ = columns.fit(table(numbers()[:, :1]), untaught(numbers()), Way(name))
    line = fitted.to_json()[0]
    with pytest.raises(BundleError):
        columns.restore([line | {"fitted": line["fitted"] | {"points": [2.0, 1.0, 0.0, -1.0, -1.0, -2.0]}}])


@pytest.mark.parametrize("name", FILLERS)
def test_imputation_uses_the_other_columns(name):
    truth, X = numbers(gaps=0), numbers(gaps=0)
    X[::4, 1] = np.nan
    fitted = imputation.fit(name, X, seed=0)
    far = np.abs(fitted.filled(X)[::4, 1] - truth[::4, 1]).mean()
    assert far < 0.5 * np.abs(truth[::4, 1] - np.nanmean(X[:, 1])).mean()
    assert np.array_equal(fitted.filled(X)[1::4], np.where(np.isnan(X[1::4]), 0, X[1::4]))


@pytest.mark.parametrize("name", FILLERS)
def test_filled_numbers_are_finite_whatever_is_missing(name):
    fitted = imputation.fit(name, numbers(), seed=0)
    wild = np.full((3, 4), np.nan)
    wild[1, 0], wild[2] = 1e30, -1e30
    assert np.isfinite(fitted.filled(wild)).all()
    assert fitted.filled(wild)[2].tolist() == [-1e30] * 4
    assert fitted.filled(numbers()[:0]).shape == (0, 4)


def test_nearest_neighbours_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    X, fresh = rng.normal(size=(80, 3)), rng.normal(size=(30, 3))
    X[rng.random(X.shape) < 0.2] = fresh[rng.random(fresh.shape) < 0.3] = np.nan
    knn = imputation.find("knn")
    theirs = KNNImputer(n_neighbors=5).fit(X.astype(np.float32)).transform(fresh)
    known = ~np.isnan(fresh).all(axis=1)
    assert np.allclose(knn.filled(fresh, knn.fit(X, 0))[known], theirs[known], atol=1e-4)


def test_isolated_row_is_marked():
    X = np.random.default_rng(0).normal(size=(300, 2))
    fitted = isolation_forest.fit(X, seed=0)
    found = fitted.matrix(np.array([[0.0, 0.0], [60.0, -60.0], [np.nan, np.nan]]))
    assert found[1, 0] > found[0, 0] + 2
    assert found[:, 1].tolist() == [0, 1, 0]
    assert fitted.matrix(X)[:, 1].mean() < 0.1


WAYS = [Way(missing=name, outliers=True) for name in FILLERS]
WAYS += [Way("power", missing="mean"), Way("bins", outliers=True), Way("raw", outliers=True)]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_multivariate_imputation_is_the_same_after_storage(way: Way, tmp_path: Path):
    train, fresh = table(numbers()), table(numbers(20, seed=1))
    fitted, matrix = columns.fit(train, untaught(numbers()), way)
    tabular.write(tmp_path, fitted)
    opened = tabular.read(tmp_path)
    assert matrix.shape[1] == fitted.width == opened.width
    assert np.array_equal(fitted.matrix(train), matrix, equal_nan=True)
    assert np.array_equal(fitted.matrix(fresh), opened.matrix(fresh), equal_nan=True)
    assert way.numeric == "raw" or np.isfinite(opened.matrix(fresh)).all()


def test_imputed_cell_has_an_indicator():
    way, X = Way(missing="knn"), numbers()
    fitted, matrix = columns.fit(table(X), untaught(X), way)
    assert np.array_equal(matrix[:, :4], np.isnan(X))
    assert fitted.width == 4 + 4


@pytest.mark.parametrize("name", [numeric_matrix.FILE, numeric_matrix.FILLING, "outliers/forest.safetensors"])
def test_a_damaged_file_is_refused(name: str, tmp_path: Path):
    fitted, _ = columns.fit(table(numbers()), untaught(numbers()), Way(missing="knn", outliers=True))
    tabular.write(tmp_path, fitted)
    whole = (tmp_path / name).read_bytes()
    for broken in (b"", whole[: len(whole) // 2], b"{}" + whole):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(BundleError):
            tabular.read(tmp_path)


def test_arrays_of_another_table_are_refused():
    arrays = imputation.fit("iterative", numbers(), seed=0).arrays()
    for wrong in ({"gaps": arrays["gaps"][:2]}, {"scale": -arrays["scale"] - 1}, {"column": arrays["column"] + 9}):
        with pytest.raises((ValueError, KeyError)):
            imputation.restore("iterative", arrays | wrong, 4)


def test_buckets_hold_names_that_were_never_seen():
    names = np.array([f"n{i % 40}" for i in range(200)], object)
    fitted, matrix = plugins.find(columns.ROOM, "categorical").fit(
        names, np.zeros((200, 1)), Way(categorical="hash"), 0
    )
    again = plugins.find(columns.ROOM, "categorical").restore(fitted.to_json())
    fresh = np.array(["n3", "unheard of", ""], object)
    assert fitted.width == 128
    assert (matrix.sum(axis=1) == 1).all()
    assert np.array_equal(again.matrix(fresh), fitted.matrix(fresh))
    assert np.array_equal(fitted.matrix(fresh)[0], matrix[3])
