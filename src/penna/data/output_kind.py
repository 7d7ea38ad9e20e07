"""The kinds of output that a task can predict. Families, heads and post-processing steps name those they produce."""

from enum import Enum


class OutputKind(Enum):
    """The kind of a task's encoded targets ``y`` and of a model's outputs.

    Examples
    --------
    >>> OutputKind.NUMBERS.loss
    'squared'
    """

    #: y: class indices (n,) int64; outputs: probabilities (n, classes).
    CLASS_PROBABILITIES = "class_probabilities"
    #: y: 0 and 1 (n, labels) float32; outputs: a probability of each label (n, labels).
    LABEL_PROBABILITIES = "label_probabilities"
    #: y: numbers of about unit size (n,) float64; outputs: numbers in the same units (n, 1).
    NUMBERS = "numbers"
    #: y: a class index for each word (ragged); outputs: probabilities for each word (ragged).
    TAGS = "tags"
    #: y: the first and the last word of an answer; outputs: candidate spans with scores (ragged).
    SPANS = "spans"
    #: y: a reference text; outputs: a text.
    TEXT = "text"

    @property
    def loss(self) -> str:
        """Return the training loss of this kind: a name in ``training.losses.LOSSES``."""
        return _LOSSES[self]


_LOSSES = {
    OutputKind.CLASS_PROBABILITIES: "cross_entropy",
    OutputKind.LABEL_PROBABILITIES: "binary_cross_entropy",
    OutputKind.NUMBERS: "squared",
    OutputKind.TAGS: "tags",
    OutputKind.SPANS: "span",
    OutputKind.TEXT: "translation",
}
