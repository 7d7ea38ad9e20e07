"""Test scores of fine-tuning recipes on public sets: train on the whole train file, score on test, several seeds.

python benchmarks/finetune_recipes.py DATA SET --encoder FOLDER lr=1.5e-4 epochs=5 --seeds 0 1 2
python benchmarks/finetune_recipes.py DATA mrpc --encoder FOLDER pair=joined epochs=5 --threads 1
DATA holds a folder per set with train.csv.gz and test.csv.gz (columns text and label, or those of scores.SETS).
Hyperparameters are those of the family."""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import scores
from penna import metrics, tasks
from penna.budget import Deadline, Resources
from penna.data.table import Table
from penna.encoders import tokens
from penna.models.finetune import family as finetune
from penna.models.finetune.model import FineTuned, inputs_of
from penna.models.finetune.recipes import settings
from penna.models.shared.encoder_io import softmax
from penna.search.recipe import Recipe


def read(path: Path, asked: scores.Set | None = None) -> Table:
    asked = asked or scores.Set()
    frame = pd.read_csv(path, keep_default_na=False, dtype=str)
    names = (*asked.text, asked.pair) if asked.pair else asked.text
    target = frame[asked.target].astype(float) if asked.task == "regression" else frame[asked.target]
    pair = (names[0], names[1]) if asked.pair else None
    cells = {name: frame[name].to_numpy(object) for name in names}
    return Table(cells, target.to_numpy(object), rows=np.arange(len(frame)), pair=pair)


def hyperparameter(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def exact(model: FineTuned, table: Table) -> np.ndarray:
    """What the artifact will answer: the same network in float32."""
    from penna.training import loop

    texts = tokens.tokenise(model.checkpoint, table, model.length, None)
    return softmax(loop.outputs(model.network, texts.lengths, inputs_of(texts), 64, "float32").numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("set")
    parser.add_argument("hyperparameters", nargs="*", type=hyperparameter)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rows", type=int, help="train on this many rows only")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument(
        "--holdout", type=float, default=0, help="this share of train for the validation score, else none"
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "penna-recipes")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_intermixed_args()
    known = scores.SETS.get(asked.set, scores.Set())
    train, test = (read(asked.data / asked.set / f"{part}.csv.gz", known) for part in ("train", known.test))
    task = tasks.find(known.task, train, known.metric)
    if asked.rows:
        train = train.take(np.random.default_rng(0).permutation(len(train))[: asked.rows])
    truth = task.encode(test)
    for seed in asked.seeds:
        valid, rest = None, train
        if asked.holdout:
            order = np.random.default_rng(seed).permutation(len(train))
            cut = int(len(train) * asked.holdout)
            valid, rest = train.take(order[:cut]), train.take(order[cut:])
        curve: list[float] = []
        recipe = Recipe.of("finetune", seed=seed, encoder=asked.encoder, **dict(asked.hyperparameters))
        begun = time.monotonic()
        resources = Resources(asked.cache, Deadline(asked.seconds), asked.threads)
        model = finetune.fit(
            recipe, task, rest, valid, resources, lambda s, of, x, c=curve: c.append(round(x, 4)) or True
        )
        seconds = time.monotonic() - begun
        outputs = model.outputs(test)
        found = f"{known.metric}={task.score(truth, outputs):.4f}"
        if known.task == "classification":
            found += f" macro_f1={metrics.macro_f1(truth, outputs):.4f}"
        few = test.take(np.arange(min(500, len(test))))
        parity = np.nan if known.pair else np.abs(exact(model, few) - outputs[: len(few)]).max()
        rate = model.outcome.steps * settings(recipe)["batch"] / model.outcome.seconds
        print(
            f"{asked.set} {dict(asked.hyperparameters)} seed={seed} {found} "
            f"seconds={seconds:.0f} steps={model.outcome.steps}/{model.outcome.planned} examples/s={rate:.0f} "
            f"length={model.length} cut={model.truncated_share:.3f} parity={parity:.4f} {curve or ''}",
            flush=True,
        )


if __name__ == "__main__":
    main()
