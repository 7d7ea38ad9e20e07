"""Ridge regression: the same weights as scikit-learn's, on dense and sparse rows, and a deadline that it obeys."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from penna.solvers.ridge import fit_ridge
from penna.testing import CountdownDeadline


def problem(n=300, d=40, seed=0):
    rng = np.random.default_rng(seed)
    X = (rng.random((n, d)) * (rng.random((n, d)) < 0.3) * np.geomspace(0.01, 10, d)).astype(np.float32)
    return X, X @ rng.normal(size=d) + 3 + 0.3 * rng.normal(size=n)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("alpha", [0.01, 1.0, 100.0])
def test_it_finds_what_scikit_learn_finds(form, alpha):
    X, y = problem()
    found = fit_ridge(form(X), y, alpha=alpha, tol=1e-6)
    known = Ridge(alpha=alpha).fit(X.astype(np.float64), y)
    assert found.margins(X)[:, 0] == pytest.approx(known.predict(X), abs=2e-3)
    assert found.coef.shape == (1, 40)
    assert found.coef[0] == pytest.approx(known.coef_, abs=2e-2 * np.abs(known.coef_).max())


def test_wide_matrices_and_empty_rows_are_fitted():
    X, y = problem(n=30, d=200)
    X[:5] = 0
    found = fit_ridge(sparse.csr_matrix(X), y, alpha=0.5, tol=1e-6)
    assert found.margins(X)[:, 0] == pytest.approx(Ridge(alpha=0.5).fit(X, y).predict(X), abs=5e-3)
    nothing = fit_ridge(sparse.csr_matrix((30, 4), dtype=np.float32), y)
    assert nothing.margins(np.zeros((1, 4), np.float32))[0, 0] == pytest.approx(y.mean(), abs=1e-4)


def test_a_deadline_that_is_over_gives_what_was_reached():
    X, y = problem(4000, 300)
    deadline = CountdownDeadline(2)
    found = fit_ridge(sparse.csr_matrix(X), y, alpha=1e-3, deadline=deadline, tol=0)
    assert deadline.late == 1
    assert np.isfinite(found.coef).all()
