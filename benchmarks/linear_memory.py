"""Peak memory and time of the linear family on 1,000,000 rows: a fit within a deadline, and predictions in chunks.

python benchmarks/linear_memory.py [--rows 1000000] [--deadline 120]

Each half runs in a process of its own, so that its peak is its own. Bars: predictions at most 1 GB; the fit under
10 GB and over its deadline by at most 3 % + 3 s.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CHUNK = 10_000
CLASSES = 10


def texts(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) short texts of made-up words, of which some belong to a class, and (n,) labels."""
    rng = np.random.default_rng(seed)
    syllables = ["ka", "lo", "mi", "ren", "tu", "sa", "vor", "el", "pin", "da", "shu", "gra", "no", "be", "fy", "wil"]
    words = np.array([a + b + c for a in syllables for b in syllables for c in syllables], dtype=object)
    labels = rng.integers(0, CLASSES, rows)
    # Squares of uniform numbers: some words are common, most are rare, as in a language.
    picked = (rng.random((rows, 12)) ** 2 * len(words)).astype(int)
    picked[:, :2] = labels[:, None] * 30 + rng.integers(0, 60, (rows, 2))
    out = np.empty(rows, object)
    for i, row in enumerate(picked):
        out[i] = " ".join(words[row])
    return out, labels


def peak() -> float:
    """GB, the most this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def fit(folder: Path, rows: int, seconds: float) -> None:
    from penna.budget import Deadline, Resources
    from penna.data.table import Table
    from penna.models.linear import family as linear
    from penna.search.recipe import DatasetProfile
    from penna.tasks import classification

    column, labels = texts(rows, seed=0)
    train = Table({"text": column}, target=labels.astype(object), rows=np.arange(rows))
    print(f"table of {rows:,} rows: {peak():.2f} GB", flush=True)
    profile = DatasetProfile(rows, CLASSES, rows // CLASSES, 60.0)
    task = classification.from_table(train)
    for recipe in (linear.portfolio(profile)[0], linear.portfolio(profile)[2]):
        deadline = Deadline(seconds)
        resources = Resources(folder, deadline, 2)
        predicted = linear.cost(recipe, profile, train, resources).seconds
        model = linear.fit(recipe, task, train, None, resources, lambda step, of, score: True)
        spent = deadline.spent()
        fresh, truth = texts(2000, seed=1)
        right = model.outputs(Table({"text": fresh}, rows=np.arange(2000))).argmax(axis=1) == truth
        print(f"fit {recipe}: {spent:.1f} s of {seconds:g} (predicted {predicted:.1f}), {right.mean():.3f} right")
        print(f"  peak {peak():.2f} GB", flush=True)
    model.save(folder)


def predict(folder: Path, rows: int) -> None:
    from penna.data.table import Table
    from penna.models.linear import family as linear

    model = linear.load(folder)
    column, _ = texts(CHUNK, seed=2)
    began, done = time.perf_counter(), 0
    while done < rows:
        chunk = Table({"text": column}, rows=np.arange(done, done + CHUNK))
        model.outputs(chunk)
        done += CHUNK
    spent = time.perf_counter() - began
    print(f"predict {done:,} rows in chunks of {CHUNK:,}: {spent:.1f} s, {done / spent:,.0f} rows/s, {peak():.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--deadline", type=float, default=120.0)
    parser.add_argument("--only", choices=["fit", "predict"])
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.only == "fit":
        fit(asked.folder, asked.rows, asked.deadline)
    elif asked.only == "predict":
        predict(asked.folder, asked.rows)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for only in ("fit", "predict"):
                same = ["--rows", str(asked.rows), "--deadline", str(asked.deadline), "--folder", folder]
                subprocess.run([sys.executable, __file__, "--only", only, *same], check=True)


if __name__ == "__main__":
    main()
