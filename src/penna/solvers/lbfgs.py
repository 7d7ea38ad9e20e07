"""L-BFGS for smooth convex functions, with a deadline. Knows one flat float32 vector and a clock; no model.

The code is Penna's own, because scipy's solver works in float64 (twice the memory and time for 10 million weights) and
cannot stop between two gradients. Nocedal and Wright, Numerical Optimization (2006), algorithm 7.4, with Armijo
backtracking: the curvature along every step on a convex function is positive, so nothing more is needed.
"""

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from penna.budget import Deadline
from penna.data.arrays import Array

#: ``gradient(x, out) -> loss``: writes the gradient at x into ``out``.
Gradient = Callable[[Array, Array], float]
_ARMIJO = 1e-4
_SMALLEST_STEP = 1e-4


def minimise(
    gradient: Gradient,
    start: Array,
    *,
    deadline: Deadline | None = None,
    max_iter: int = 200,
    tol: float = 1e-4,
    memory: int = 5,
) -> Array:
    """Minimize a convex function.

    Parameters
    ----------
    gradient : callable
        ``gradient(x, out) -> loss`` writes the gradient at x into ``out``.
    start : ndarray of float32, shape (p,)
        The first point.
    deadline : Deadline, optional
        Overrun by at most one gradient.
    max_iter, tol, memory : numbers
        Maximum steps; the relative gain at which to stop; the number of remembered steps.

    Returns
    -------
    ndarray of float32, shape (p,)
        The point at which the next step promises less than ``tol`` of the loss, or at the deadline.

    Raises
    ------
    TimeoutError
        If not one step was completed by the deadline.
    """
    x, g = start.astype(np.float32, copy=True), np.empty(start.shape, np.float32)
    x_next, g_next = np.empty_like(x), np.empty_like(g)
    began = time.monotonic()
    loss = gradient(x, g)
    pace = time.monotonic() - began
    pairs: deque[tuple[Array, Array, float]] = deque(maxlen=memory)
    for steps in range(max_iter):
        direction = _direction(g, pairs)
        slope = -float(np.dot(direction, g))
        if slope <= tol * max(loss, 1e-3):
            break
        step = 1.0
        while True:
            if deadline is not None and deadline.left() < pace:
                if steps == 0:
                    raise TimeoutError("no time left for a first step")
                return x
            np.multiply(direction, np.float32(step), out=x_next)
            x_next += x
            loss_next = gradient(x_next, g_next)
            # The last term is the noise of float32 sums: without it the search would end at a plateau of rounding.
            if loss_next <= loss - _ARMIJO * step * slope + 1e-7 * abs(loss):
                break
            # The minimum of the parabola through both losses and the slope, kept inside the step.
            step *= min(0.5, max(0.1, 0.5 * step * slope / max(loss_next - loss + step * slope, 1e-30)))
            if step < _SMALLEST_STEP:
                return x
        _remember(pairs, x_next - x, g_next - g)
        x, x_next, g, g_next, loss = x_next, x, g_next, g, loss_next
    return x


def _remember(pairs: deque[tuple[Array, Array, float]], moved: Array, bent: Array) -> None:
    curvature = float(np.dot(moved, bent))
    if curvature > 1e-10 * float(np.dot(bent, bent)):
        pairs.append((moved, bent, curvature))


def _direction(g: Array, pairs: deque[tuple[Array, Array, float]]) -> Array:
    """Return minus the approximate inverse Hessian times g, by the two-loop recursion."""
    q = -g
    weights: list[float] = []
    for moved, bent, curvature in reversed(pairs):
        weight = float(np.dot(moved, q)) / curvature
        q -= np.float32(weight) * bent
        weights.append(weight)
    if pairs:
        _, bent, curvature = pairs[-1]
        q *= np.float32(curvature / float(np.dot(bent, bent)))
    for (moved, bent, curvature), weight in zip(pairs, reversed(weights), strict=True):
        q += np.float32(weight - float(np.dot(bent, q)) / curvature) * moved
    return q
