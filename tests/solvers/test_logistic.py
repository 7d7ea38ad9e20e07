"""The solver of linear classifiers: as good as scikit-learn's, and on time."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from penna.budget import Deadline
from penna.solvers.logistic import Logistic, fit_logistic, softmax
from penna.solvers.matrix_products import _Sparse
from penna.testing import CountdownDeadline


def blobs(n: int, d: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    X = rng.normal(size=(k, d))[y] * 0.5 + rng.normal(size=(n, d)) + 0.3
    y[: n // 10] = rng.integers(0, k, n // 10)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), y


def objective(model: Logistic, X: np.ndarray, y: np.ndarray, c: float, weights: np.ndarray | None = None) -> float:
    own = model.probabilities(X).astype(np.float64)[np.arange(len(y)), y]
    loss = -np.log(np.maximum(own, 1e-30)) * (1 if weights is None else weights)
    return c * loss.sum() + 0.5 * float((model.coef.astype(np.float64) ** 2).sum())


def reference(X: object, y: np.ndarray, c: float, weights: np.ndarray | None = None) -> Logistic:
    fitted = LogisticRegression(C=c, max_iter=2000, tol=1e-6).fit(X, y, sample_weight=weights)
    return Logistic(fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32))


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("c", [0.1, 10.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_objective_and_predictions_match_scikit_learn(classes: int, c: float, sparse: bool) -> None:
    X, y = blobs(600, 20, classes)
    X[np.abs(X) < 0.1] = 0
    given = sp.csr_matrix(X) if sparse else X
    ours, theirs = fit_logistic(given, y, classes, c=c, tol=1e-6), reference(X, y, c)
    assert objective(ours, X, y, c) <= objective(theirs, X, y, c) * 1.0005
    same = ours.probabilities(given).argmax(axis=1) == theirs.probabilities(X).argmax(axis=1)
    assert same.mean() > 0.98
    assert ours.coef.shape == (1 if classes == 2 else classes, 20)
    assert ours.coef.dtype == np.float32


def test_row_weights_count_as_in_scikit_learn() -> None:
    X, y = blobs(400, 10, 3)
    weights = np.where(y == 0, 5.0, 1.0)
    ours, theirs = fit_logistic(X, y, 3, weights=weights, tol=1e-6), reference(X, y, 1.0, weights)
    assert objective(ours, X, y, 1.0, weights) <= objective(theirs, X, y, 1.0, weights) * 1.0005


def test_the_squared_hinge_agrees_with_a_linear_svm() -> None:
    X, y = blobs(500, 15, 4)
    ours = fit_logistic(X, y, 4, loss="hinge", c=1.0, tol=1e-6)
    # liblinear shrinks the intercept too, unless it is scaled up.
    theirs = LinearSVC(C=1.0, intercept_scaling=100, max_iter=20_000).fit(X, y)
    assert np.mean(ours.margins(X).argmax(axis=1) == theirs.predict(X)) > 0.98


def test_a_narrow_prior_shrinks_its_own_weight_only() -> None:
    X, y = blobs(400, 6, 3)
    scale = np.array([1e-3, 1, 1, 1, 1, 1])
    coef = fit_logistic(X, y, 3, c=10, scale=scale).coef
    assert np.abs(coef[:, 0]).max() < 1e-2 < np.abs(coef[:, 1:]).max()


def test_the_solver_stops_at_the_deadline_with_what_it_has() -> None:
    X, y = blobs(2_000, 50, 10)
    deadline = CountdownDeadline(8)
    model = fit_logistic(X, y, 10, c=1e4, tol=0, max_iter=100_000, deadline=deadline)
    assert deadline.late == 1
    assert np.mean(model.probabilities(X).argmax(axis=1) == y) > 0.5


def test_no_time_raises_instead_of_an_untrained_model() -> None:
    X, y = blobs(100, 5, 3)
    with pytest.raises(TimeoutError, match="no time"):
        fit_logistic(X, y, 3, deadline=Deadline(-1))


def test_without_time_a_warm_start_is_what_was_reached() -> None:
    X, y = blobs(100, 5, 3)
    first = fit_logistic(X, y, 3)
    again = fit_logistic(X, y, 3, deadline=Deadline(-1), start=first)
    assert np.allclose(again.probabilities(X), first.probabilities(X), atol=1e-4)


def test_a_warm_start_at_the_solution_stays_there() -> None:
    X, y = blobs(500, 10, 3)
    first = fit_logistic(X, y, 3, tol=1e-6)
    again = fit_logistic(X, y, 3, tol=1e-4, start=first, max_iter=1)
    assert np.allclose(first.coef, again.coef, atol=1e-2)


def test_a_class_without_rows_and_a_constant_column_do_no_harm() -> None:
    X, y = blobs(200, 5, 3)
    X[:, 2] = 7
    model = fit_logistic(X, y, 4)
    assert np.isfinite(model.coef).all()
    assert model.probabilities(X).shape == (200, 4)


def test_threads_do_not_change_the_result() -> None:
    X, y = blobs(2000, 80, 5)
    sparse = sp.csr_matrix(X)
    one, two = (fit_logistic(sparse, y, 5, threads=t, max_iter=20) for t in (1, 2))
    assert np.array_equal(one.coef, two.coef)


def test_bands_of_rows_do_not_change_the_gradient() -> None:
    X = sp.random(50_000, 30, density=0.1, format="csr", dtype=np.float32, random_state=0)
    r = np.random.default_rng(0).normal(size=(50_000, 40)).astype(np.float32)
    rows = _Sparse(X, threads=2, columns=40)
    assert len(rows.bands) == 2
    assert np.allclose(rows.back(r), X.T @ r, atol=1e-2)


def test_the_softmax_of_huge_margins_is_finite() -> None:
    assert softmax(np.array([[1e30, -1e30]], np.float32)).tolist() == [[1, 0]]
