"""Examples a second of fine-tuning, against transformers.Trainer with its defaults: same encoder, rows and steps, in
pairs within one run. Needs the extra "bench".

python benchmarks/finetune_speed.py DATA SET --encoder FOLDER --rows 1600 --epochs 1 --pairs 3
Rows of the answer: the Trainer (batch 8, float32), Penna with the same batch, Penna with its own default batch.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from finetune_recipes import read
from penna import metrics
from penna.budget import Deadline, Resources
from penna.data.table import Table
from penna.models.finetune import family as finetune
from penna.models.shared.encoder_io import softmax
from penna.search.recipe import Recipe
from penna.tasks import classification
from penna.tasks.classification import Classification


def trainer(encoder: str, task: Classification, train: Table, test: Table, epochs: float) -> tuple[float, float]:
    """Examples/s and test accuracy of transformers.Trainer as it comes."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=len(task.classes))

    def rows(table: Table) -> list[dict[str, object]]:
        encoded = tokenizer(list(table.full_text), truncation=True, max_length=128)
        labels = task.encode(table).tolist()
        return [
            {"input_ids": ids, "attention_mask": mask, "labels": label}
            for ids, mask, label in zip(encoded["input_ids"], encoded["attention_mask"], labels, strict=True)
        ]

    with tempfile.TemporaryDirectory() as folder:
        options = transformers.TrainingArguments(
            folder, num_train_epochs=epochs, save_strategy="no", report_to=[], disable_tqdm=True, use_cpu=True
        )
        run = transformers.Trainer(model, options, train_dataset=rows(train), processing_class=tokenizer)
        begun = time.monotonic()
        run.train()
        seconds = time.monotonic() - begun
        logits = run.predict(rows(test)).predictions
    return epochs * len(train) / seconds, metrics.accuracy(task.encode(test), softmax(logits))


def penna(
    encoder: str,
    task: Classification,
    train: Table,
    test: Table,
    epochs: float,
    threads: int,
    **hyperparameters: object,
) -> tuple[float, float]:
    """The same of Penna's loop; loading and tokenising are left out on both sides."""
    recipe = Recipe("finetune").replace(encoder=encoder, epochs=epochs, **hyperparameters)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as cache:
        resources = Resources(Path(cache), Deadline(3600), threads)
        model = finetune.fit(recipe, task, train, None, resources, lambda step, of, score: True)
        outputs = model.outputs(test)
    return epochs * len(train) / model.outcome.seconds, metrics.accuracy(task.encode(test), outputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("set")
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--rows", type=int, default=1600)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()

    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(asked.threads)
    train, test = (read(asked.data / asked.set / f"{part}.csv.gz") for part in ("train", "test"))
    task = classification.from_table(train)
    train = train.take(np.random.default_rng(0).permutation(len(train))[: asked.rows])
    common = (asked.encoder, task, train, test, asked.epochs)
    contenders = {
        "Trainer, batch 8": lambda: trainer(*common),
        "Penna, batch 8": lambda: penna(*common, asked.threads, batch=8, lr=5e-5),
        "Penna, batch 32": lambda: penna(*common, asked.threads),
    }
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(asked.pairs):
        for name, run in contenders.items():
            results[name].append(run())
            print(f"{name:18} examples/s={results[name][-1][0]:6.1f} accuracy={results[name][-1][1]:.4f}", flush=True)
    for name, pairs in results.items():
        ratios = [mine[0] / theirs[0] for mine, theirs in zip(pairs, results["Trainer, batch 8"], strict=True)]
        print(f"{name:18} median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
