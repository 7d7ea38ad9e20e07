"""The family ``reader``: an encoder that reads a question with a text and marks the answer's first and last word.

It takes the place of ``finetune`` in question answering. Torch stays in functions: ``load`` never imports it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penna import export
from penna.budget import Resources
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import word_alignment
from penna.models.base import Cost, Report
from penna.models.finetune import token_training
from penna.models.reader import model
from penna.models.reader.model import Reader, ServedReader
from penna.models.shared import encoder_depth
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar
from penna.tasks.base import Task

if TYPE_CHECKING:
    from penna.training import loop

DISPLAY_NAME = "A fine-tuned reader"
MARKER = "triangle"
PACKAGES = ("onnxruntime", "tokenizers")
REQUIRES = "text"
NEEDS_TORCH = True
OUTPUT_KINDS = (OutputKind.SPANS,)

#: What a recipe means where it says nothing; as in ``finetune``, of which these are the hyperparameters that are of use
#: here.
_USUAL: dict[str, Scalar] = {
    "depth": 1.0, "frozen": 0.0, "lr": 1e-4, "head_lr": 5.0, "embedding_lr": 1.0, "epochs": 3.0, "batch": 16,
    "dropout": 0.1, "smoothing": 0.0, "length": 256,
}  # fmt: skip


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes, cheapest first, each for every encoder."""
    if profile.output_kind not in OUTPUT_KINDS:
        return []
    epochs = _epochs(profile)
    choices: list[dict[str, Scalar]] = [
        {"epochs": epochs, "depth": 0.5, "lr": 2e-4},
        {"epochs": epochs},
        {"epochs": 1.5 * epochs, "lr": 2e-4},
        {"epochs": epochs, "length": 384},
    ]
    return [
        Recipe.from_values("reader", _USUAL | choice | {"encoder": encoder, "depth": depth}, seed=profile.seed)
        for choice in choices
        for encoder, depth in encoder_depth.near(profile, float(choice.get("depth", 1.0)))  # type: ignore[arg-type]
    ]


def _epochs(profile: DatasetProfile) -> float:
    return float(np.clip(3 * (8000 / max(profile.rows, 1)) ** 0.5, 0.5, 20).round(1))


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn; nothing where there is no encoder."""
    if not profile.encoders or profile.output_kind not in OUTPUT_KINDS:
        return ()
    epochs = _epochs(profile)
    return (
        Hyperparameter("encoder", values=profile.encoders),
        encoder_depth.hyperparameter(profile),
        Hyperparameter("lr", low=3e-5, high=4e-4, log=True),
        Hyperparameter("head_lr", values=(1.0, 5.0, 10.0)),
        Hyperparameter("epochs", low=epochs / 3, high=2 * epochs, log=True),
        Hyperparameter("batch", values=(8, 16, 32)),
        Hyperparameter("dropout", values=(0.0, 0.1, 0.2)),
        Hyperparameter("length", values=(192, 256, 384)),
    )


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predicted from a probe of some three seconds, which is remembered for this process."""
    return token_training.cost(recipe, _COST_KEY, train, resources)


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the same recipe with as much effort as fits into ``seconds``.

    None where too little would be left to learn.
    """
    return token_training.shrink(recipe, _COST_KEY, train, resources, seconds)


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> Reader:
    """Train the encoder and its head; without ``valid`` a fixed schedule, with nothing selected on the way."""
    spans = [truth.span for truth in task.encode(train)]
    fitting = token_training.TokenFit(
        OutputKind.SPANS.loss, lambda texts: _rows(texts, spans, train.sample_weight), model.answered
    )
    network, checkpoint, texts, length, outcome = token_training.train(
        recipe, task, (train, valid), model.read, fitting, resources, report
    )
    return Reader(network, checkpoint, length, float(texts.long.mean()), float(texts.cut.mean()), outcome)


def load(folder: Path) -> ServedReader:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    from penna.errors import BundleError

    graph = export.load_encoder(folder)
    facts = graph.facts
    if facts.pooling != "none" or facts.framing is None or facts.framing.sides != 2 or facts.outputs != 2:
        raise BundleError(f"{folder} holds an encoder that does not point at words: copy the artifact again.")
    return ServedReader(graph, folder)


def _rows(texts: word_alignment.Worded, spans: list[tuple[int, int] | None], weight: Array | None = None) -> loop.Rows:
    """Return what is trained on: windows, and in each the places of the first and the last word of the answer.

    The place 0 is for none; an end that stands in another window than the other says nothing here (-100).
    """
    from penna.training import loop

    at, numbers = model.places_of(texts)
    y = np.zeros((len(at), 2), np.int64)
    column = np.zeros(len(texts.window), np.int64)
    there = np.nonzero(numbers >= 0)
    column[numbers[there]] = there[1]
    for text, span in enumerate(spans):
        if span is None:
            continue
        ends = texts.offsets[text] + np.array([span[0], span[1] - 1])
        windows = texts.window[ends]
        for side, (window, end) in enumerate(zip(windows, ends, strict=True)):
            if window >= 0:
                y[window, side] = column[end]
        if windows[0] != windows[1]:
            for window, other in ((windows[0], 1), (windows[1], 0)):
                if window >= 0:
                    y[window, other] = -100
    return loop.Rows(
        texts.rows.lengths, model.inputs_of(texts.rows, at), y, None, token_training.shares_of(texts, weight)
    )


_COST_KEY = token_training.TokenCostKey(
    model.read, OutputKind.SPANS.loss, 2, lambda texts: _rows(texts, [None] * len(texts.long))
)
