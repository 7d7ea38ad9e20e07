"""What the words of the page mean, for who reads one for the first time. Plain sentences."""

from penna.report import format

#: Metric -> what it says, and how far it can go.
METRICS = {
    "accuracy": "the share of rows that are answered correctly",
    "macro_f1": "the F1 of each class (precision and recall as one figure), averaged so that a rare class counts "
    "as much as a frequent one; 1 is perfect",
    "micro_f1": "precision and recall of all given labels as one figure; frequent labels count for more; 1 is perfect",
    "subset_accuracy": "the share of rows with exactly the right labels",
    "label_ranking_ap": "how far up the right labels stand when labels are ranked by probability; 1 is perfect",
    "balanced_accuracy": "the share of each class that is answered correctly, averaged over classes",
    "log_loss": "how surprised the probabilities are by the truth; 0 is perfect",
    "roc_auc": "how often a row of a class is given a higher probability of it than a row of another; 0.5 is chance",
    "average_precision": "precision, averaged over all thresholds at which another right row is found; 1 is perfect",
    "mcc": "the correlation of answers and truth; 0 is chance, 1 is perfect",
    "r2": "the share of the target's differences that is explained; 0 is always answering the mean, 1 is perfect",
    "rmse": "the typical error in the target's own units, large errors counting for more; 0 is perfect",
    "mae": "the mean error in the target's own units; 0 is perfect",
    "pearson": "how near answers and truth come to lying on one line; 0 is chance, 1 is perfect",
    "spearman": "how well answers put rows into the right order; 0 is chance, 1 is perfect",
    "entity_f1": "the F1 of whole entities: type, beginning and end must be right; 1 is perfect",
    "entity_macro_f1": "the same for each type, averaged so that a rare one counts as much as a frequent one",
    "token_accuracy": "the share of words with the right tag; as most are in no entity, it is high in any case",
    "answer_f1": "how many words an answer shares with the true one, case, signs and articles aside; 1 is perfect",
    "exact_match": "the share of answers that are the true one, case, signs and articles aside",
    "chrf": "the runs of up to six characters that answers share with references (F2); 100 is perfect",
    "bleu": "the runs of up to four words that answers share with references, short answers marked down; at most 100",
    "ter": "the changes of words that would make references of answers, in a hundred words; 0 is perfect",
    "answerable_accuracy": "how often it is right that a text holds an answer, or that it holds none",
}
#: Where a recipe came from, and what became of it.
TRIALS = {
    "baseline": "the first recipe of all, which anything else must beat",
    "portfolio": "a recipe that is known to do well",
    "finalist": "one of the best, run again on a fold that chose nobody, or with another seed",
    "pruned": "stopped on the way, since others had done better by then",
    "skipped": "not run; the reason stands next to it",
    "failed": "broke off with an error",
}
#: A family, or a result, as the subject of a sentence.
MODELS = {
    "linear": "A linear model",
    "trees": "A forest of boosted trees",
    "frozen": "A frozen encoder with a head",
    "finetune": "A fine-tuned encoder",
    "contrastive": "An encoder tuned by contrasts",
    "translation_memory": "A memory of the rows",
    "crf": "A conditional random field",
    "tagger": "A fine-tuned tagger",
    "sliding_window": "A sliding window over words",
    "reader": "A fine-tuned reader",
    "seq2seq": "An encoder-decoder",
}
#: Last step -> what it does to answers.
STEPS = {
    "class_weights": "a weight for each class, so that the metric gains",
    "label_thresholds": "where the probability of each label is cut, so that the metric gains",
    "temperature": "probabilities made less sure, or surer, as validation rows ask for",
    "isotonic": "probabilities brought to what they turned out to be on validation rows",
    "isotonic_regression": "numbers through a rising curve, as validation rows ask for",
    "entity_threshold": "how likely a word must be in no entity, so that the metric gains",
    "no_answer_threshold": "how likely it must be that there is no answer, so that the metric gains",
    "oos_threshold": "no class where none is likely enough",
}


def metric(name: str) -> str:
    """Return what a metric says, as a sentence; "" of one that is not known here.

    >>> metric("accuracy")
    'Accuracy is the share of rows that are answered correctly.'
    """
    meaning, called = METRICS.get(name, ""), format.metric(name)
    return f"{called[:1].upper()}{called[1:]} is {meaning}." if meaning else ""


def model(name: str) -> str:
    """Return what was chosen, without its post-processing steps, as the subject of a sentence.

    >>> model("linear with temperature"), model("blend of 3"), model("own")
    ('A linear model', 'A blend of 3 models', 'The model "own"')
    """
    family = name.split(" with ")[0]
    if family.startswith("blend of "):
        return f"A {family} models"
    return MODELS.get(family, f'The model "{family}"')


def steps(name: str) -> str:
    """Return the post-processing steps of what was chosen, explained; "" where there are none.

    >>> steps("linear with oos_threshold")
    'Post-processing steps on its answers: oos_threshold (no class where none is likely enough).'
    """
    found = name.split(" with ")[1:]
    steps_named = [f"{step} ({STEPS[step]})" if step in STEPS else format.plain(step, 60) for step in found]
    return f"Post-processing steps on its answers: {', '.join(steps_named)}." if steps_named else ""


def trials() -> str:
    """Return the words of the leaderboard."""
    return "".join(f"<li><b>{name}</b>: {meaning}</li>" for name, meaning in TRIALS.items())
