"""The family ``tagger``: an encoder with a head on the first token of each word, all of it trained.

It stands for ``finetune`` where words are tagged. Torch stays in functions: ``open`` never meets it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penna import export
from penna.budget import Resources
from penna.data import ragged, word_offsets
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import word_alignment
from penna.models.base import Cost, Report
from penna.models.finetune import token_training
from penna.models.shared import encoder_depth
from penna.models.tagger import model
from penna.models.tagger.model import ServedTagger, Tagger, open_words
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar
from penna.tasks.base import Task

if TYPE_CHECKING:
    from penna.training import loop

DISPLAY_NAME = "A fine-tuned tagger"
MARKER = "triangle"
PACKAGES = ("onnxruntime", "tokenizers")
REQUIRES = "text"
NEEDS_TORCH = True
OUTPUT_KINDS = (OutputKind.TAGS,)
#: Most tags for which a transition matrix is trained.
_MOST_TAGS = 101

#: What a recipe means where it says nothing; as in ``finetune``, of which these are the hyperparameters that words
#: have, too.
_USUAL: dict[str, Scalar] = {
    "depth": 1.0, "frozen": 0.0, "lr": 2e-4, "head_lr": 10.0, "embedding_lr": 1.0, "epochs": 6.0, "batch": 16,
    "dropout": 0.1, "smoothing": 0.0, "length": 128, "crf": False,
}  # fmt: skip


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes, cheapest first, each for every encoder."""
    if profile.output_kind not in OUTPUT_KINDS:
        return []
    epochs, crf = _epochs(profile), _orders(profile)[-1]
    choices: list[dict[str, Scalar]] = [
        # Of wnut17 one epoch of half of MiniLM gave an entity F1 of 0.39, less of all of it with large steps 0.35. Of
        # 900 of its rows, a third of MiniLM gave 0.39 where tags were chosen one by one, 0.43 as a chain (three seeds).
        {"epochs": round(epochs / 3, 2), "depth": 0.5, "crf": crf},
        {"epochs": round(epochs / 4, 2), "lr": 4e-4, "embedding_lr": 0.3},
        {"epochs": epochs, "crf": crf},
        {"epochs": epochs},
        {"epochs": 1.5 * epochs, "lr": 1e-4, "crf": crf},
        {"epochs": epochs, "lr": 4e-4, "embedding_lr": 0.3, "dropout": 0.2, "crf": crf},
        {"epochs": epochs, "depth": 0.5, "crf": crf},
    ]
    made = (
        Recipe.from_values("tagger", _USUAL | choice | {"encoder": encoder, "depth": depth}, seed=profile.seed)
        for choice in choices
        for encoder, depth in encoder_depth.near(profile, float(choice.get("depth", 1.0)))  # type: ignore[arg-type]
    )
    return list(dict.fromkeys(made))  # of very many tags no chain is learned


def _epochs(profile: DatasetProfile) -> float:
    return float(np.clip(6 * (3500 / max(profile.rows, 1)) ** 0.5, 0.5, 30).round(1))


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn; nothing where there is no encoder."""
    if not profile.encoders or profile.output_kind not in OUTPUT_KINDS:
        return ()
    epochs = _epochs(profile)
    return (
        Hyperparameter("encoder", values=profile.encoders),
        encoder_depth.hyperparameter(profile),
        Hyperparameter("lr", low=4e-5, high=6e-4, log=True),
        Hyperparameter("head_lr", values=(1.0, 5.0, 10.0, 20.0)),
        Hyperparameter("embedding_lr", values=(0.0, 0.3, 1.0)),
        Hyperparameter("epochs", low=epochs / 4, high=2 * epochs, log=True),
        Hyperparameter("batch", values=(8, 16, 32)),
        Hyperparameter("dropout", values=(0.0, 0.1, 0.2, 0.3)),
        Hyperparameter("crf", values=_orders(profile)),
        Hyperparameter("smoothing", values=(0.0, 0.05, 0.1), when=("crf", (False,))),
    )


def _orders(profile: DatasetProfile) -> tuple[bool, ...]:
    """Whether the tags of a row are chosen one by one, or together, as a chain."""
    return (False, True) if profile.classes <= _MOST_TAGS else (False,)


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predicted from a probe of some three seconds, which is remembered for this process."""
    return token_training.cost(recipe, _cost_key(recipe, profile.classes), train, resources)


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the same recipe with as much effort as fits into ``seconds``.

    None where too little would be left to learn.
    """
    return token_training.shrink(recipe, _cost_key(recipe, profile.classes), train, resources, seconds)


def _loss(recipe: Recipe) -> str:
    return "chain" if recipe.get("crf") else OutputKind.TAGS.loss


def _cost_key(recipe: Recipe, tags: int) -> token_training.TokenCostKey:
    # How words are found makes little difference to how long rows are.
    read = partial(model.read, rule=word_offsets.FOUND)
    return token_training.TokenCostKey(
        read, _loss(recipe), tags, lambda texts: _rows(texts, np.arange(len(texts.window)) % tags)
    )


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> Tagger:
    """Train the encoder and its head; without ``valid`` a fixed schedule, with nothing selected on the way."""
    rule = _rule(task)
    tags = ragged.flat(task.encode(train))[0]
    fitting = token_training.TokenFit(
        _loss(recipe), lambda texts: _rows(texts, tags, train.sample_weight), model.probabilities
    )
    read = partial(model.read, rule=rule)
    network, checkpoint, texts, length, outcome = token_training.train(
        recipe, task, (train, valid), read, fitting, resources, report
    )
    return Tagger(network, checkpoint, rule, length, float(texts.long.mean()), outcome)


def load(folder: Path) -> ServedTagger:
    """Open what ``save`` wrote, without torch. Raises BundleError on anything damaged."""
    from penna.errors import BundleError

    graph = export.load_encoder(folder)
    if graph.facts.pooling != "none" or graph.facts.framing is None:
        raise BundleError(f"{folder} holds an encoder that does not answer for words: copy the artifact again.")
    return ServedTagger(graph, folder, *open_words(folder, graph.facts.outputs))


def _rule(task: Task) -> str:
    rule: str = task.rule  # type: ignore[attr-defined]
    return rule


def _rows(texts: word_alignment.Worded, tags: Array, weight: Array | None = None) -> loop.Rows:
    """Return what is trained on: windows, and the (flat) tags of the words that are looked at in each."""
    from penna.training import loop

    at, numbers = texts.by_window()
    y = _begun(np.where(numbers >= 0, tags[np.maximum(numbers, 0)] if len(tags) else 0, -100))
    shares = token_training.shares_of(texts, weight)
    return loop.Rows(
        texts.rows.lengths, model.inputs_of(texts.rows, at, model.cues_at(texts, numbers)), y, None, shares
    )


def _begun(y: Array) -> Array:
    """Return the same tags, entities beginning with their first word that has a token.

    What no encoder sees is not there.
    """
    before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
    lost = (y > 0) & (y % 2 == 0) & (before != y) & (before != y - 1)
    lost[:, 0] = False  # a window may begin within an entity
    return np.asarray(y - lost)
