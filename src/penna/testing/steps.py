"""The contract of a post-processing step: it is plain JSON, and treats every row alone."""

import json

import numpy as np

from penna.data.arrays import Array
from penna.postprocessing import base

#: Stored values that no step can have.
_DAMAGED = ("x", None, float("nan"))


def check_step(name: str, y: Array, outputs: Array, score: base.Score) -> base.Adjustment:
    """Check everything that a post-processing step has to keep.

    Parameters
    ----------
    name : str
        The step's name.
    y : Array
        (n,) encoded targets.
    outputs : Array
        (n, k) outputs of a model for the same rows.
    score : callable
        ``score(y, outputs)``; higher is better.

    Returns
    -------
    Adjustment
        The fitted step, for tests of what it is for.

    Raises
    ------
    AssertionError
        For the first thing that does not hold.

    Examples
    --------
    >>> from penna import metrics
    >>> y = np.arange(200) % 2
    >>> outputs = np.where(np.eye(2)[y] == 1, 0.7, 0.3).astype(np.float32)
    >>> check_step("temperature", y, outputs, metrics.accuracy).name
    'temperature'
    """
    step = base.step_type(name).fit(y, outputs.astype(np.float32), score)
    again = base.from_json(json.loads(json.dumps(base.to_json(step))))
    assert again == step, f"{name} differs after JSON"
    whole = step(outputs)
    assert (whole.dtype, whole.shape) == (np.float32, outputs.shape), f"{name} gives {whole.dtype} {whole.shape}"
    assert np.isfinite(whole).all(), f"{name} gives numbers that are not finite"
    alone = np.concatenate([again(outputs[i : i + 1]) for i in range(min(5, len(outputs)))])
    assert np.array_equal(alone, whole[:5]), f"{name}: the answer for a row depends on other rows"
    for values in _DAMAGED:
        assert _is_refused(name, values), f"{name} accepts the stored values {values!r}"
    return step


def _is_refused(name: str, values: object) -> bool:
    try:
        base.from_json({"step": name, "values": values})
    except (ValueError, KeyError, TypeError, IndexError):
        return True
    return False
