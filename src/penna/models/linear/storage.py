"""The file of a linear model: one safetensors file with a digest over everything in it. Never trusts what it reads.

skops is not used: it stores estimators, and there is none here, only four arrays. Weights are stored in half
precision (the model is rounded when it is fitted, so the file loses nothing).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.data.arrays import Array
from penna.features.ngrams import BITS, Grams
from penna.features.tfidf import Tfidf
from penna.heads.links import SOFTMAX, Link
from penna.solvers.logistic import Logistic

NAME = "linear.safetensors"
#: The second came with links; a softmax, which was all that the first knew, is still written in the first.
FORMAT = 2
_LARGEST = 4 * 1024**3
_TYPES = {"buckets": np.int32, "idf": np.float32, "coef": np.float16, "intercept": np.float32}


def write(folder: Path, tfidf: Tfidf, weights: Logistic, link: Link) -> None:
    """Write n-grams, weights and link into ``folder``."""
    from safetensors.numpy import save_file

    arrays = {
        "buckets": tfidf.buckets,
        "idf": tfidf.idf,
        "coef": np.ascontiguousarray(weights.coef.T, np.float16),
        "intercept": weights.intercept,
    }
    grams = tfidf.grams
    linked = {} if link == SOFTMAX else {"link": link.to_json()}
    settings = json.dumps(
        {
            "format": FORMAT if linked else 1,
            "words": grams.words,
            "low": grams.low,
            "high": grams.high,
            "lower": grams.lower,
            "sublinear": tfidf.sublinear,
            **linked,
        }
    )
    save_file(arrays, folder / NAME, metadata={"settings": settings, "digest": _digest(settings, arrays)})


def read(folder: Path) -> tuple[Tfidf, Logistic, Link]:
    """Raise BundleError."""
    path = folder / NAME
    with safe_load.damaged(path):
        arrays, about = safe_load.load_described(path, _LARGEST, _TYPES)
        if _digest(about["settings"], arrays) != about["digest"]:
            raise ValueError("its digest does not fit its content")
        return _build(arrays, safe_load.parsed(about["settings"]))


def _build(arrays: dict[str, Array], settings: dict[str, Any]) -> tuple[Tfidf, Logistic, Link]:
    if settings["format"] not in range(1, FORMAT + 1):
        raise ValueError(f"format {settings['format']}, this Penna reads {FORMAT}: install a newer Penna")
    buckets, idf, coef, intercept = (arrays[name] for name in _TYPES)
    d, k = len(buckets), len(intercept)
    if (idf.shape, coef.shape, intercept.shape, buckets.shape) != ((d,), (d, k), (k,), (d,)) or not k:
        raise ValueError("the sizes of its parts do not agree")
    if d and (buckets[0] < 0 or buckets[-1] >= 1 << BITS or (np.diff(buckets) <= 0).any()):
        raise ValueError("its buckets are out of order")
    numbers = [settings[name] for name in ("words", "low", "high")]
    if any(type(number) is not int or not 0 <= number <= 20 for number in numbers):
        raise ValueError("its n-gram lengths are out of range")
    words, low, high = numbers
    grams = Grams(words, low, high, bool(settings["lower"]))
    link = Link.from_json(settings["link"], k) if "link" in settings else SOFTMAX
    return Tfidf(grams, bool(settings["sublinear"]), buckets, idf), Logistic(spread(coef), intercept), link


def rounded(tfidf: Tfidf, coef: Array, intercept: Array) -> tuple[Tfidf, Logistic]:
    """Weights (k, d) as they are stored, in half precision, no columns of zeros: what is measured is what is served."""
    half = np.clip(coef, -65_000, 65_000).astype(np.float16)
    used = np.flatnonzero(half.any(axis=0))
    return tfidf.only(used), Logistic(spread(half[:, used].T), intercept)


def spread(coef: Array) -> Array:
    """(k, d) float32 from (d, k) float16, lying in memory by feature: a sparse row then meets whole lines of it."""
    return np.ascontiguousarray(coef, np.float32).T


def _digest(settings: str, arrays: dict[str, Array]) -> str:
    total = hashlib.blake2b(settings.encode(), digest_size=16)
    for name in _TYPES:
        total.update(f"{name}{arrays[name].shape}{arrays[name].dtype}".encode())
        total.update(np.ascontiguousarray(arrays[name]).data)
    return total.hexdigest()
