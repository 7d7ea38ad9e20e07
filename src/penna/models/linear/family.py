"""The family ``linear``: TF-IDF of words and characters, columns other than the text, and one linear model.

Every search has it.

Whatever the model (logistic regression, support vector machine, complement naive Bayes, ridge, support vector
regression), what is fitted is one matrix of weights and a link; calibration is folded into the weights, so serving
needs numpy and scipy alone.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from penna import plugins
from penna.budget import OutOfTime, Resources
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.features import selection
from penna.heads import classifier_chain
from penna.heads.links import target_of
from penna.models.base import Cost, Report
from penna.models.linear import cost as costs
from penna.models.linear import pairs as paired
from penna.models.linear import single, tabular
from penna.models.linear import text_features as rows_of
from penna.models.linear.classifiers import fit_classes, fit_numbers
from penna.models.linear.multilabel import fit as fit_labels
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe
from penna.tasks.base import Task

DISPLAY_NAME = "A linear model"
MARKER = "circle"
PACKAGES = ("safetensors", "scipy")
NEEDS_NO_ENCODER = True

_WORD = {"analyzer": "word", "words": 2, "sublinear": True, "lower": True, "min_df": 1, "keep": 100_000,
         "select": "none", "svd": 0, "counts": False}  # fmt: skip
_BOTH = {**_WORD, "analyzer": "word+char", "low": 2, "high": 5, "min_df": 2}
_LOGISTIC = {"classifier": "logistic", "balanced": False, "nb": False}
_SVM = {"classifier": "svm", "balanced": False, "nb": False}
_LABELS = {**_LOGISTIC, "chain": False}
_RIDGE = {"classifier": "ridge", "alpha": 1.0}
_SVR = {"classifier": "svr", "epsilon": 0.1}
_SOME = {"select": "chi2", "share": 0.3}
_BINS = {**_LOGISTIC, "bins": 10}
#: No text at all: what is left are the columns.
_BLANK: dict[str, Any] = {"analyzer": "none", "words": 0, "sublinear": True, "lower": True, "min_df": 1, "keep": 1000}
#: What has weights of either sign, as scaled numbers ask for.
_SIGNED = ("logistic", "svm", "ridge", "svr")
#: What learns a number as itself: others learn its bins.
_WHOLE = ("ridge", "svr")

#: Loss of the task -> known-good recipes. The first is the baseline that every search starts with.
_OFFERED: dict[OutputKind, list[dict[str, Any]]] = {
    OutputKind.CLASS_PROBABILITIES: [
        {**_WORD, **_LOGISTIC, "c": 10.0},
        {**_WORD, "classifier": "complement_nb", "alpha": 0.3},
        {**_BOTH, **_LOGISTIC, "c": 10.0},
        {**_BOTH, **_LOGISTIC, **_SOME, "c": 10.0},
        {**_BOTH, **_SVM, "c": 0.5},
        {**_BOTH, **_LOGISTIC, "c": 10.0, "balanced": True},
        {**_BOTH, **_LOGISTIC, "c": 3.0, "nb": True},
        {**_BOTH, **_LOGISTIC, "c": 3.0},
        {**_BOTH, **_LOGISTIC, "c": 30.0, "words": 3, "high": 6},
    ],
    OutputKind.LABEL_PROBABILITIES: [
        {**_WORD, **_LABELS, "c": 3.0},
        # Margins separate rare labels best: on goemotions 1.5 points of macro F1 above logistic regression.
        {**_WORD, **_SVM, "c": 0.3},
        {**_BOTH, **_SVM, "c": 0.3},
        {**_BOTH, **_LABELS, "c": 3.0},
        {**_BOTH, **_LABELS, "c": 3.0, "chain": True},
        {**_BOTH, **_SVM, "c": 0.1},
        {**_BOTH, **_LABELS, "c": 3.0, "nb": True},
        {**_BOTH, **_SVM, **_SOME, "c": 0.3},
        {**_BOTH, **_LABELS, "c": 1.0, "balanced": True},
        {**_WORD, "classifier": "complement_nb", "alpha": 0.3},
    ],
    OutputKind.NUMBERS: [
        {**_WORD, **_RIDGE},
        {**_WORD, **_BINS, "c": 10.0},
        {**_BOTH, **_RIDGE},
        {**_BOTH, **_BINS, "c": 10.0},
        {**_BOTH, **_SVR, "c": 1.0},
        {**_BOTH, **_BINS, **_SOME, "c": 10.0},
        {**_BOTH, **_BINS, "c": 3.0, "bins": 20},
        {**_BOTH, **_RIDGE, "alpha": 0.3},
        {**_BOTH, **_BINS, "c": 30.0, "words": 3, "high": 6},
    ],
}


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes for the task. The first is the baseline that every search starts with."""
    few = profile.classes <= classifier_chain.MOST_LABELS
    offered = [choice for choice in _OFFERED.get(profile.output_kind, []) if few or not choice.get("chain")]
    if profile.columns:
        offered = _with_columns(offered, text=profile.mean_characters > 0)
    return [Recipe.of("linear", seed=profile.seed, **hyperparameters) for hyperparameters in offered]


def _with_columns(offered: list[dict[str, Any]], text: bool) -> list[dict[str, Any]]:
    """Return the same choices that read columns, too.

    The first one with the text alone, which tells whether columns help; and those that read the columns alone.
    """
    reading = [o | tabular.USUAL if _reads_columns(o) else o for o in offered]
    learners = [{k: v for k, v in o.items() if k not in (*_BOTH, *_SOME)} for o in reading if "columns" in o]
    alone = [_BLANK | learner for i, learner in enumerate(learners) if learner not in learners[:i]]
    if not text:
        return [*alone, *(a | {"columns": "quantile", "names": "target"} for a in alone)]
    return [reading[0], offered[0], *reading[1:3], *(a | {"names": "target"} for a in alone[:1]), *reading[3:]]


def text_only(recipe: Recipe) -> Recipe:
    """Return the recipe without columns other than the text; as it is where it reads nothing else."""
    hyperparameters = {name: value for name, value in recipe.hyperparameters if name not in tabular.USUAL}
    reads = any(recipe.get(name) != value for name, value in _BLANK.items())
    return (
        Recipe.from_values("linear", hyperparameters, fidelity=recipe.fidelity, seed=recipe.seed) if reads else recipe
    )


def _reads_columns(hyperparameters: Any) -> bool:
    """Whether such a recipe can read columns: naive Bayes, and priors by counts, know of no sign."""
    return hyperparameters.get("classifier") in _SIGNED and not hyperparameters.get("nb")


_SOLVED = ("classifier", ("logistic", "svm"))
_CUT = ("classifier", ("logistic",))
_MEASURES = tuple(plugins.names(selection.ROOM))
#: Of n-grams that are trained on in place of them, 0 for the n-grams themselves.
_DIRECTIONS = (0, 100, 300)
#: Hyperparameters of the text alone.
_OF_TEXT = ("share", "select", "nb", "svd", tabular.COUNTS)

#: Loss of the task -> the hyperparameters of what learns from the features.
_TURNED: dict[OutputKind, tuple[Hyperparameter, ...]] = {
    OutputKind.CLASS_PROBABILITIES: (
        Hyperparameter("select", values=(tabular.NONE, *_MEASURES)),
        Hyperparameter("share", low=0.1, high=0.9, when=("select", _MEASURES)),
        Hyperparameter("classifier", values=("logistic", "svm", "complement_nb")),
        Hyperparameter("c", low=0.01, high=100.0, log=True, when=_SOLVED),
        Hyperparameter("balanced", values=(False, True), when=_SOLVED),
        Hyperparameter("nb", values=(False, True), when=_SOLVED),
        Hyperparameter("svd", values=_DIRECTIONS, when=("nb", (False,))),
        Hyperparameter("alpha", low=0.01, high=3.0, log=True, when=("classifier", ("complement_nb",))),
    ),
    OutputKind.LABEL_PROBABILITIES: (
        Hyperparameter("select", values=(tabular.NONE, *_MEASURES)),
        Hyperparameter("share", low=0.1, high=0.9, when=("select", _MEASURES)),
        Hyperparameter("classifier", values=("logistic", "svm", "complement_nb")),
        Hyperparameter("c", low=0.01, high=100.0, log=True, when=_SOLVED),
        Hyperparameter("balanced", values=(False, True), when=_SOLVED),
        Hyperparameter("chain", values=(False, True), when=_CUT),
        Hyperparameter("nb", values=(False, True), when=("chain", (False,))),
        Hyperparameter("svd", values=_DIRECTIONS, when=("nb", (False,))),
        Hyperparameter("alpha", low=0.01, high=3.0, log=True, when=("classifier", ("complement_nb",))),
    ),
    OutputKind.NUMBERS: (
        Hyperparameter("classifier", values=("logistic", *_WHOLE)),
        Hyperparameter("bins", values=(5, 10, 20), when=_CUT),
        Hyperparameter("select", values=(tabular.NONE, *_MEASURES), when=_CUT),
        Hyperparameter("share", low=0.1, high=0.9, when=("select", _MEASURES)),
        Hyperparameter("svd", values=_DIRECTIONS),
        Hyperparameter("c", low=0.01, high=100.0, log=True, when=("classifier", ("logistic", "svr"))),
        Hyperparameter("epsilon", values=(0.0, 0.1, 0.3), when=("classifier", ("svr",))),
        Hyperparameter("alpha", low=0.03, high=30.0, log=True, when=("classifier", ("ridge",))),
    ),
}

#: Loss of the target -> what fits weights for it.
_FITS = {
    OutputKind.CLASS_PROBABILITIES: fit_classes,
    OutputKind.NUMBERS: fit_numbers,
    OutputKind.LABEL_PROBABILITIES: fit_labels,
}


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn."""
    of_columns = tabular.hyperparameters(profile, when=("classifier", _SIGNED))
    if profile.columns and not profile.mean_characters:
        fixed = tuple(Hyperparameter(name, values=(value,)) for name, value in _BLANK.items())
        turned = tuple(k for k in _turned(profile) if k.name not in _OF_TEXT)
        return (
            *fixed,
            *turned,
            *(replace(k, values=tuple(v for v in k.values if v != tabular.NONE)) for k in of_columns),
        )
    with_words = ("analyzer", ("word", "word+char"))
    with_chars = ("analyzer", ("char", "word+char"))
    return (
        Hyperparameter("analyzer", values=("word+char", "word", "char")),
        Hyperparameter("words", low=1, high=3, whole=True, when=with_words),
        Hyperparameter("low", low=1, high=3, whole=True, when=with_chars),
        Hyperparameter("high", low=3, high=6, whole=True, when=with_chars),
        Hyperparameter("sublinear", values=(True, False)),
        Hyperparameter("lower", values=(True, False)),
        Hyperparameter("min_df", low=1, high=5, whole=True),
        Hyperparameter("keep", low=10_000, high=300_000, log=True, whole=True),
        *_turned(profile),
        Hyperparameter(tabular.COUNTS, values=(False, True), when=("classifier", _SIGNED)),
        *of_columns,
    )


def _turned(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    few = profile.classes <= classifier_chain.MOST_LABELS
    hyperparameters = _TURNED.get(profile.output_kind, ())
    return tuple(
        hyperparameter if few or hyperparameter.name != "chain" else replace(hyperparameter, values=(False,))
        for hyperparameter in hyperparameters
    )


def cost(recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources) -> Cost:
    """Predict a fit from a probe of a few hundred rows and the pace of earlier fits."""
    plan = _plan(recipe, train, recipe.get("bins") or profile.classes)
    return Cost(plan.seconds(plan.rows_at(recipe.fidelity)), plan.megabytes, plan.milliseconds)


def shrink(
    recipe: Recipe, profile: DatasetProfile, train: Table, resources: Resources, seconds: float
) -> Recipe | None:
    """Return the recipe on as many rows as fit into ``seconds``; None if they would be too few."""
    plan = _plan(recipe, train, recipe.get("bins") or profile.classes)
    fidelity = plan.rows_within(0.9 * seconds) / len(train)
    smaller = recipe.replace(fidelity=min(recipe.fidelity, fidelity))
    return smaller if plan.seconds(plan.rows_at(smaller.fidelity)) <= seconds else None


def fit(
    recipe: Recipe, task: Task, train: Table, valid: Table | None, resources: Resources, report: Report
) -> "single.LinearModel | paired.PairModel":
    """Fit on ``train``, or on a stratified part of it where rows, memory or the deadline ask for that."""
    target = target_of(task, train, 0 if recipe["classifier"] in _WHOLE else recipe.get("bins", 0))
    plan = _plan(recipe, train, target.columns)
    # Some of the time is kept back: the prediction is a guess.
    rows = plan.rows_within(0.7 * resources.deadline.left(), recipe.fidelity)
    chosen = costs.sample(task.strata(train), rows, recipe.seed)
    made = single.fit if train.pair is None else paired.fit
    with plan.timed(len(chosen)):
        try:
            return made(
                train.take(chosen),
                target.take(chosen),
                recipe,
                resources,
                _FITS[target.output_kind],
                _reading(recipe, train),
            )
        except TimeoutError as error:
            raise OutOfTime(str(error)) from None


def load(folder: Path) -> "single.LinearModel | paired.PairModel":
    """Open what ``save`` wrote. Raises BundleError on anything missing or damaged."""
    return paired.load(folder) if paired.known(folder) else single.load(folder)


def _reading(recipe: Recipe, table: Table) -> bool:
    """Whether anything is read besides n-grams."""
    columns = table.columns and recipe.get("columns", tabular.NONE) != tabular.NONE
    counts = table.text and recipe.get(tabular.COUNTS)
    return bool(columns or counts) and _reads_columns(recipe)


def _plan(recipe: Recipe, train: Table, classes: int) -> costs.Plan:
    plan = costs.predict(train.full_text, rows_of.grams(recipe), recipe, classes)
    # A number and, for some, its indicator.
    column_width = 1.5 * len(train.columns) + 14 * bool(recipe.get(tabular.COUNTS)) if _reading(recipe, train) else 0
    return replace(plan, values=plan.values + column_width * len(train), features=plan.features + column_width)
