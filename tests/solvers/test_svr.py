"""Support vector regression: what scikit-learn's finds, little moved by rows that are far off, and on time."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.svm import SVR

from penna.budget import Deadline
from penna.solvers.ridge import fit_ridge
from penna.solvers.svr import fit_svr


def problem(n=300, d=20, seed=0):
    rng = np.random.default_rng(seed)
    X = (rng.random((n, d)) * (rng.random((n, d)) < 0.5)).astype(np.float32)
    return X, X @ rng.normal(size=d) + 3 + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(("c", "epsilon"), [(1.0, 0.0), (1.0, 0.3), (30.0, 0.1)])
def test_it_finds_what_scikit_learn_finds(form, c, epsilon):
    X, y = problem()
    found = fit_svr(form(X), y, c=c, epsilon=epsilon, tol=1e-6)
    known = SVR(kernel="linear", C=c, epsilon=epsilon).fit(X, y).predict(X)
    assert found.coef.shape == (1, 20)
    # Corners are rounded here, and the margin of a wide tube has some play.
    assert np.abs(found.margins(X)[:, 0] - known).mean() < 0.1 * y.std()
    assert np.corrcoef(found.margins(X)[:, 0], known)[0, 1] > 0.99


def test_rows_that_are_far_off_move_it_less_than_a_ridge():
    X, y = problem()
    wrong = y.copy()
    wrong[::15] += 40
    miss = [np.abs(fit(X, wrong).margins(X)[:, 0] - y).mean() for fit in (fit_svr, fit_ridge)]
    assert miss[0] < 0.3 * miss[1]


def test_rows_without_features_get_the_median():
    y = np.array([1.0, 2.0, 100.0])
    found = fit_svr(sparse.csr_matrix((3, 4), dtype=np.float32), y)
    assert found.margins(np.zeros((1, 4), np.float32))[0, 0] == pytest.approx(2, abs=0.15)


def test_no_time_raises_instead_of_an_untrained_model():
    X, y = problem(4000, 300)
    with pytest.raises(TimeoutError, match="no time"):
        fit_svr(sparse.csr_matrix(X), y, c=1e3, deadline=Deadline(0.0), tol=0)
