"""Long texts: read by windows against their beginning alone, and against rows long enough to hold them.

    python benchmarks/windows.py --data DATA --encoder FOLDER
    python benchmarks/windows.py --data DATA --encoder FOLDER --lengths 64 128 --rows 8000 --seeds 0 1 2

DATA holds the folder women_clothing_review with train.csv.gz: reviews of about 60 words, whose Rating is requested. In
the made-up set one word of two stands anywhere in a text of 200 words that say nothing. R2 and accuracy of the family
``frozen`` on a third of the rows, which it did not learn from.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from penna.budget import Deadline, Resources
from penna.data import readers
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.models.frozen import family as frozen
from penna.search.recipe import Recipe
from penna.tasks import classification, regression

SAID = "the film story card payment money what was is very not a day house road we they and then".split()  # noqa: SIM905


def reviews(data: Path, rows: int, seed: int) -> tuple[Table, Any]:
    source = data / "women_clothing_review" / "train.csv.gz"
    table, _ = readers.read(source, text=["Review Text"], target="Rating")
    written = np.flatnonzero([bool(text.strip()) for text in table.full_text])
    table, _ = regression.prepare_target(table.take(np.random.default_rng(seed).permutation(written)[:rows]))
    return table, regression.from_table(table, "r2")


def made_up(rows: int, seed: int) -> tuple[Table, Any]:
    rng = np.random.default_rng(seed)
    labels, texts = rng.choice(["good", "bad"], rows), np.empty(rows, dtype=object)
    for i, label in enumerate(labels):
        words = rng.choice(SAID, 200)
        words[rng.integers(200)] = label
        texts[i] = " ".join(words)
    table = Table({"text": texts}, labels.astype(object), rows=np.arange(1, rows + 1))
    return table, classification.from_table(table)


def measured(table: Table, task: Any, encoder: str, length: int, how: str, seed: int) -> dict[str, Any]:
    cut = 2 * len(table) // 3
    learn, ask = table.take(np.arange(cut)), table.take(np.arange(cut, len(table)))
    head = {"bins": 10, "c": 10.0} if task.output_kind == OutputKind.NUMBERS else {"c": 30.0}
    recipe = Recipe.from_values("frozen", {**head, "encoder": encoder, "length": length, "long": how}, seed=seed)
    with tempfile.TemporaryDirectory() as cache:
        begun = time.monotonic()
        resources = Resources(Path(cache), Deadline(3600), 2)
        model = frozen.fit(recipe, task, learn, None, resources, lambda *_: True)
        score = task.score(task.encode(ask), model.outputs(ask))
    taken = round(time.monotonic() - begun, 1)
    return {"score": round(score, 4), "long": model.long_share, "cut": model.truncated_share, "seconds": taken}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--lengths", nargs="+", type=int, default=[32, 64, 128])
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    asked = parser.parse_args()
    for seed in asked.seeds:
        sets = {"reviews": reviews(asked.data, asked.rows, seed), "made up": made_up(asked.rows, seed)}
        for name, (table, task) in sets.items():
            for length in asked.lengths:
                for how in ("head", "windows"):
                    found = measured(table, task, asked.encoder, length, how, seed)
                    print(json.dumps({"set": name, "length": length, "read": how, "seed": seed, **found}), flush=True)


if __name__ == "__main__":
    main()
