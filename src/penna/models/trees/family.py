"""The family ``trees``: gradient boosting on columns, on counts of the text, and on what models of the text answer.

scikit-learn's HistGradientBoosting fits; what is kept and served are arrays (``features.forest``).
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penna import safe_load
from penna.budget import OutOfTime, Resources
from penna.data.arrays import Array
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.errors import BundleError
from penna.features import tree_arrays
from penna.features.tree_arrays import Forest
from penna.heads.links import SOFTMAX, Link
from penna.models.base import Cost, Pruned, Report, get_family
from penna.models.linear import tabular
from penna.models.trees import inputs as readers
from penna.models.trees.inputs import StackedInputs
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe
from penna.tasks.base import Task

DISPLAY_NAME = "A forest of boosted trees"
MARKER = "cross"
PACKAGES = ("safetensors", "scipy")
NEEDS_NO_ENCODER = True
REQUIRES = "columns"

FILE = "trees.json"
_USUAL: dict[str, Any] = {
    "text": "none", "names": "target", "trees": 250, "rate": 0.03, "leaves": 6, "least": 20, "shrink": 1.0,
    "share": 0.7,
}  # fmt: skip
_LARGE = {"trees": 150, "rate": 0.06, "leaves": 15}
#: Kind of output -> how it comes from margins.
_LINKS = {OutputKind.CLASS_PROBABILITIES: SOFTMAX, OutputKind.NUMBERS: Link("identity")}
#: Labels that do not exclude one another would each need a forest of their own.
OUTPUT_KINDS = tuple(_LINKS)
#: A fit of fewer trees has not begun.
_FEWEST = 10
_STEPS = 5  # times on the way that the deadline is checked, and the score reported
_OF_A_DATE = 9  # features
_PARITY_ROWS = 200


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes, cheapest first; none where there is nothing besides plain texts."""
    if not _wanted(profile):
        return []
    choices: list[dict[str, Any]] = [{"text": text, **choice} for text in _texts(profile) for choice in ({}, _LARGE)]
    choices.sort(key=lambda choice: len(choice) > 1)  # every kind of text first, then with larger trees
    encoder = {"encoder": profile.encoders[0]} if profile.encoders else {}
    return [
        Recipe.from_values("trees", _USUAL | choice | (encoder if _encoded(choice["text"]) else {}), seed=profile.seed)
        for choice in choices
    ]


def _texts(profile: DatasetProfile) -> list[str]:
    """Return what may be read of the text, the cheapest first."""
    if not profile.mean_characters:
        return ["none"]
    if profile.pair and not profile.columns:
        stacked = ["overlap+counts+linear+frozen"] if profile.encoders else []
        return ["overlap+counts", "overlap+counts+linear", *stacked]
    plain = ["counts", "counts+linear", "counts+svd"]
    texts = plain + (["counts+frozen", "counts+linear+frozen", "counts+linear+finetune"] if profile.encoders else [])
    return [f"{readers.OVERLAP}+{text}" for text in texts] if profile.pair else texts


def _wanted(profile: DatasetProfile) -> bool:
    """Columns, or what the texts of a pair have in common, and a target that trees learn."""
    return bool(profile.columns or profile.pair) and profile.output_kind in _LINKS


def _encoded(text: str) -> bool:
    return "frozen" in text or "finetune" in text


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn."""
    if not _wanted(profile):
        return ()
    texts = _texts(profile)
    encoded = tuple(text for text in texts if _encoded(text))
    turned = tuple(text for text in texts if readers.SVD in text)
    return (
        Hyperparameter("text", values=tuple(texts)),
        *((Hyperparameter("encoder", values=profile.encoders, when=("text", encoded)),) if encoded else ()),
        *((Hyperparameter("directions", values=(16, 32, 64, 128), when=("text", turned)),) if turned else ()),
        Hyperparameter("names", values=("target", "onehot", "hash")),
        *tabular.alone(profile),
        Hyperparameter("trees", low=40, high=500, log=True, whole=True),
        Hyperparameter("rate", low=0.02, high=0.2, log=True),
        Hyperparameter("leaves", low=3, high=48, log=True, whole=True),
        Hyperparameter("least", low=5, high=80, log=True, whole=True),
        Hyperparameter("shrink", low=0.05, high=20.0, log=True),
        Hyperparameter("share", low=0.3, high=1.0),
    )


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predict the cost: stacked models as their families do, trees by rows, features and leaves."""
    seconds, megabytes, milliseconds = 0.2, 0.02, 0.5
    for part in readers.parts_of(recipe):
        if part in (readers.COUNTS, readers.OVERLAP):
            seconds += (3e-7 if part == readers.COUNTS else 9e-7) * len(train) * profile.mean_characters
            continue
        name = part if part in readers.BASES else "linear"  # directions take about what a linear model does
        base_recipe = readers.base(recipe, name, profile.output_kind, profile.classes, len(train))
        one = get_family(name).cost(base_recipe, profile, train, resources)
        share, fixed = (0.0, 0.0) if readers.known(base_recipe, train) else readers.BASES.get(part, (0.0, 0.0))
        seconds += one.seconds + readers.FOLDS * (share * one.seconds + fixed)
        megabytes, milliseconds = megabytes + (one.size_mb or 0.0), milliseconds + (one.latency_ms or 0.0)
    count = _trees(recipe) * (1 if profile.classes <= 2 else profile.classes)
    seconds += _STEPS * _binning(train) + count * _tree(train, recipe)
    return Cost(seconds, megabytes + 7e-5 * count * recipe["leaves"], milliseconds + 2e-3 * count)


def _features(train: Table) -> int:
    """About how many the readers give: a column and whether it is missing, parts and cycles of a date, the text's."""
    return 30 + sum(_OF_A_DATE if field.role == "date" else 2 for field in train.fields.values())


def _binning(train: Table) -> float:
    """Seconds to cut every feature into bins, which scikit-learn does in each step again."""
    return _features(train) * (3e-4 + 1.5e-7 * len(train))


def _tree(train: Table, recipe: Recipe) -> float:
    """Seconds for one tree: a histogram of each feature in each leaf, however few rows there are, and all rows once."""
    leaves = min(float(recipe["leaves"]), max(2.0, len(train) / float(recipe["least"])))
    each = 1.5e-6 * leaves + 8e-9 * len(train)
    return 1e-3 + 2e-4 * leaves + _features(train) * each


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the same recipe with fewer trees; None where that does not help."""
    for fidelity in (0.5, 0.25):
        smaller = recipe.replace(fidelity=min(recipe.fidelity, fidelity))
        if cost(smaller, profile, train, resources).seconds <= seconds:
            return smaller
    return None


def fit(recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report) -> "Trees":
    """Fit readers and trees on ``train``; the number of trees is the recipe's, and fewer where the deadline comes."""
    try:
        read, X = readers.fit(recipe, task, train, resources)
    except TimeoutError as error:
        raise OutOfTime(str(error)) from None
    y = task.encode(train)
    seen = None if valid is None else (read.matrix(valid), task.encode(valid))
    each = _tree(train, recipe) * (1 if task.columns <= 2 else task.columns)
    wanted = int(min(_trees(recipe), (resources.deadline.left() - _binning(train)) / each))
    if wanted < _FEWEST:
        raise OutOfTime("no time was left for the trees")
    model = _boosting(task.output_kind, recipe)
    for done in np.unique(np.linspace(0, wanted, _STEPS + 1).astype(int))[1:].tolist():
        begun = time.monotonic()
        model.set_params(max_iter=max(done, 1))
        model.fit(X, y, sample_weight=train.sample_weight)
        classes = [int(j) for j in getattr(model, "classes_", ())]
        fitted = Trees(
            read, tree_arrays.of(model, X[:_PARITY_ROWS]), _LINKS[task.output_kind], tuple(classes), task.columns
        )
        if seen is not None and not report(done, wanted, task.score(seen[1], fitted.answers(seen[0]))):
            raise Pruned
        if resources.deadline.left() < time.monotonic() - begun:
            break
    return fitted


def _trees(recipe: Recipe) -> int:
    return max(_FEWEST, round(float(recipe["trees"]) * recipe.fidelity))


def _boosting(output_kind: OutputKind, recipe: Recipe) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = {
        OutputKind.CLASS_PROBABILITIES: HistGradientBoostingClassifier,
        OutputKind.NUMBERS: HistGradientBoostingRegressor,
    }
    return made[output_kind](
        learning_rate=recipe["rate"],
        max_leaf_nodes=recipe["leaves"],
        min_samples_leaf=recipe["least"],
        l2_regularization=recipe["shrink"],
        max_features=recipe["share"],
        early_stopping=False,
        warm_start=True,
        random_state=recipe.seed,
    )


@dataclass(frozen=True, eq=False)
class Trees:
    """Readers, and trees on what they read. ``classes``: those of the task's ``columns`` that the trees know of."""

    readers: StackedInputs
    forest: Forest
    link: Link
    classes: tuple[int, ...]
    columns: int

    def outputs(self, table: Table) -> Array:
        """(n, columns) float32: probabilities, or numbers."""
        return self.answers(self.readers.matrix(table))

    def answers(self, X: Array) -> Array:
        """(n, columns) float32 from (n, features) as the readers give them."""
        answers = self.link(self.forest.margins(X))
        if len(self.classes) in (0, self.columns):
            return answers
        out = np.zeros((len(X), self.columns), np.float32)  # a class without a training row
        out[:, list(self.classes)] = answers
        return out

    def save(self, folder: Path) -> None:
        """Write everything that ``load`` needs into ``folder``."""
        self.readers.save(folder)
        self.forest.save(folder)
        data = {"format": 1, "link": self.link.to_json(), "classes": list(self.classes), "columns": self.columns}
        (folder / FILE).write_text(json.dumps(data), encoding="utf-8")


def load(folder: Path) -> Trees:
    """Open what ``save`` wrote, without scikit-learn. Raises BundleError on anything damaged."""
    path = folder / FILE
    read = readers.load(folder)
    with safe_load.damaged(path):
        data = safe_load.load_json(path)
        classes, columns = tuple(map(int, data["classes"])), int(data["columns"])
        within = 1 <= columns <= 1 << 20 and all(0 <= j < columns for j in classes)
        if not within or len(set(classes)) != len(classes):
            raise ValueError("its classes are out of range")
        margins = 1 if len(classes) in (0, 2) else len(classes)
        link = Link.from_json(data["link"], margins)
    opened = tree_arrays.load(folder, margins)
    if opened.features != read.width:
        raise BundleError(f"{folder / tree_arrays.FILE} does not go with its readers: copy the artifact again.")
    return Trees(read, opened, link, classes, columns)
