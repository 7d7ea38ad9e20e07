"""Names and meanings of metrics, and metrics that other packages register.

A package registers a metric under the entry point group ``penna.metrics``: a module with the members of ``MetricType``.
It then belongs to its task like Penna's own: ``AutoText(metric=...)``, ``--metric`` and the report take it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from penna import plugins
from penna.data.arrays import Array
from penna.metrics.base import Metric

ROOM = "metrics"


@dataclass(frozen=True)
class MetricType:
    """The members of a metric's module, with a documented default for every optional one."""

    name: str
    #: The task that it measures: "classification" or "regression".
    TASK: str
    #: ``score(y, outputs)`` of class indices (n,) and probabilities (n, k), or of numbers (n,) and (n, 1).
    score: Callable[[Array, Array], float]
    #: Whether higher values are better.
    HIGHER_IS_BETTER: bool = True
    #: Its name in the report; the module's name if omitted.
    DISPLAY_NAME: str = ""
    #: What it measures, as the rest of a sentence that begins with "<name> is".
    MEANING: str = ""

    @property
    def metric(self) -> Metric:
        """The metric in the form that intervals are computed from."""
        return Metric(lambda y, outputs: (y, outputs), self.score)

    @property
    def sign(self) -> int:
        """1 if higher is better, else -1."""
        return 1 if self.HIGHER_IS_BETTER else -1


@dataclass(frozen=True)
class Description:
    """How the report presents a metric."""

    display_name: str
    meaning: str = ""
    higher_is_better: bool = True


DESCRIPTIONS = {
    "accuracy": Description("accuracy", "the share of rows that are predicted correctly"),
    "macro_f1": Description(
        "macro F1",
        "the F1 of each class (precision and recall as one figure), averaged so that a rare class counts as much as a "
        "frequent one; 1 is perfect",
    ),
    "macro_f0.5": Description("macro F0.5", "the F score that weighs precision above recall, averaged over classes"),
    "macro_f2": Description("macro F2", "the F score that weighs recall above precision, averaged over classes"),
    "micro_f1": Description(
        "micro F1", "precision and recall of all labels as one figure; frequent labels count for more; 1 is perfect"
    ),
    "subset_accuracy": Description("subset accuracy", "the share of rows with exactly the right labels"),
    "label_ranking_ap": Description(
        "label ranking AP", "how far up the right labels are if labels are ranked by probability; 1 is perfect"
    ),
    "balanced_accuracy": Description(
        "balanced accuracy", "the share of each class that is predicted correctly, averaged over classes"
    ),
    "log_loss": Description(
        "log loss", "how surprised the probabilities are by the truth; 0 is perfect", higher_is_better=False
    ),
    "roc_auc": Description(
        "ROC AUC", "how often a row of a class gets a higher probability of it than a row of another; 0.5 is chance"
    ),
    "average_precision": Description(
        "average precision", "precision, averaged over the thresholds that add another right row; 1 is perfect"
    ),
    "mcc": Description("MCC", "the correlation of predictions and truth; 0 is chance, 1 is perfect"),
    "r2": Description(
        "R²", "the share of the target's variance that is explained; 0 is always predicting the mean, 1 is perfect"
    ),
    "rmse": Description(
        "RMSE",
        "the typical error in the target's own units, large errors counting for more; 0 is perfect",
        higher_is_better=False,
    ),
    "mae": Description("MAE", "the mean error in the target's own units; 0 is perfect", higher_is_better=False),
    "pearson": Description(
        "Pearson", "how near predictions and truth come to lying on one line; 0 is chance, 1 is perfect"
    ),
    "spearman": Description(
        "Spearman", "how well predictions put rows into the right order; 0 is chance, 1 is perfect"
    ),
    "entity_f1": Description(
        "entity F1", "the F1 of whole entities: type, beginning and end must be right; 1 is perfect"
    ),
    "entity_macro_f1": Description(
        "entity macro F1", "the same for each type, averaged so that a rare one counts as much as a frequent one"
    ),
    "token_accuracy": Description(
        "token accuracy", "the share of words with the right tag; as most are in no entity, it is high in any case"
    ),
    "answer_f1": Description(
        "answer F1",
        "how many words an answer shares with the true one, without case, punctuation and articles; 1 is perfect",
    ),
    "exact_match": Description(
        "exact match", "the share of answers that are the true one, without case, punctuation and articles"
    ),
    "answerable_accuracy": Description(
        "answerable accuracy", "how often it is right that a text holds an answer, or that it holds none"
    ),
    "chrf": Description(
        "chrF", "the runs of up to six characters that translations share with references (F2); 100 is perfect"
    ),
    "bleu": Description(
        "BLEU",
        "the runs of up to four words that translations share with references, less if they are short; at most 100",
    ),
    "ter": Description(
        "TER",
        "the changes of words that would make references of translations, in a hundred words; 0 is perfect",
        higher_is_better=False,
    ),
}


def describe(name: str) -> Description:
    """Return how a metric is presented; a plain description for a name that is unknown.

    >>> describe("macro_f1").display_name, describe("my_metric").display_name
    ('macro F1', 'my metric')
    """
    if name in DESCRIPTIONS:
        return DESCRIPTIONS[name]
    plain = name.replace("_", " ")
    if name not in plugins.external(ROOM):
        return Description(plain)
    metric = metric_type(name)
    return Description(metric.DISPLAY_NAME or plain, metric.MEANING, metric.HIGHER_IS_BETTER)


@cache
def metric_type(name: str) -> MetricType:
    """Return the registered metric called ``name``. Raises SettingError if there is none."""
    return plugins.adapt(MetricType, ROOM, name)


def registered(task: str) -> tuple[MetricType, ...]:
    """Return the metrics that other packages register for a task."""
    metrics = map(metric_type, plugins.external(ROOM))
    return tuple(metric for metric in metrics if task == metric.TASK)
