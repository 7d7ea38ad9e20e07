"""Entity F1 of a recipe of the tagger, its tags chosen one by one against together (CRF), on the same rows.

    python benchmarks/taggers.py DATA wnut17 depth=0.5 epochs=2 --encoder FOLDER --seeds 0 1 2

DATA holds a folder for each set with train.jsonl.gz and dev.jsonl.gz (or another ``--part``) of tokens and tags.
Hyperparameters are those of the family."""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from finetune_recipes import hyperparameter
from penna import tasks
from penna.budget import Deadline, Resources
from penna.data import ragged, readers
from penna.data.table import Table
from penna.metrics import entities
from penna.models.tagger import family as tagger
from penna.search.recipe import DatasetProfile


def read(path: Path) -> Table:
    table, _ = readers.read(path, text=("tokens",), target="tags")
    return tasks.recognised("token_classification", table)[0].prepare_target(table)[0]


def illegal(outputs: np.ndarray) -> float:
    """The share of entities that the most probable tags, word by word, would begin with a further word."""
    values, offsets = ragged.flat(outputs)
    tags = values.argmax(axis=1)
    return len(entities._illegal(tags, offsets)) / max(int((tags % 2 == 1).sum()), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("set")
    parser.add_argument("hyperparameters", nargs="*", type=hyperparameter)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rows", type=int, help="train on this many rows only")
    parser.add_argument("--part", default="dev")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    train, test = (read(asked.data / asked.set / f"{part}.jsonl.gz") for part in ("train", asked.part))
    task = tasks.find("token_classification", train)
    test = test.take(np.flatnonzero(task.usable(test)))
    if asked.rows:
        train = train.take(np.random.default_rng(0).permutation(len(train))[: asked.rows])
    profile = DatasetProfile(
        len(train), task.columns, 1, 100.0, encoders=(asked.encoder,), output_kind=task.output_kind
    )
    resources = Resources(Path(tempfile.gettempdir()) / "penna-taggers", Deadline(1e6), asked.threads)
    for seed in asked.seeds:
        for crf in (False, True):
            recipe = tagger.portfolio(profile)[0].replace(seed=seed, **dict(asked.hyperparameters), crf=crf)
            begun = time.monotonic()
            model = tagger.fit(recipe, task, train, None, resources, lambda *_: True)
            seconds = time.monotonic() - begun
            outputs = model.outputs(test)
            score = task.score(task.encode(test), outputs)
            print(
                f"{asked.set} {dict(asked.hyperparameters)} seed={seed} crf={crf} entity_f1={score:.4f} "
                f"illegal={illegal(outputs):.4f} seconds={seconds:.0f} steps={model.outcome.steps}",
                flush=True,
            )


if __name__ == "__main__":
    main()
