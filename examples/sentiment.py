"""Classify reviews as positive or negative, and show how sure the model is.

Run: python examples/sentiment.py
"""

import itertools

from sklearn.model_selection import train_test_split

from penna import AutoText

SUBJECTS = ["The plot", "The acting", "The music", "The ending", "The camera work", "The first hour", "The dialogue"]
POSITIVE = ["is a joy", "won me over", "is brilliant", "moved me to tears", "never gets boring", "is warm and funny"]
NEGATIVE = ["is a mess", "let me down", "is terrible", "put me to sleep", "never gets going", "is cold and dull"]
REASONS = ["", " from start to finish", ", and my friends agree", " after a slow week", " even on a small screen"]


def reviews() -> tuple[list[str], list[str]]:
    """Return short reviews and their labels. Your own would come from a file."""
    texts, labels = [], []
    for label, verdicts in (("positive", POSITIVE), ("negative", NEGATIVE)):
        for subject, verdict, reason in itertools.product(SUBJECTS, verdicts, REASONS):
            texts.append(f"{subject} {verdict}{reason}.")
            labels.append(label)
    return texts, labels


def main() -> None:
    texts, labels = reviews()
    train, test, y_train, y_test = train_test_split(texts, labels, test_size=0.2, random_state=0, stratify=labels)

    auto = AutoText(budget="12s").fit(train, y_train)
    print(f"accuracy {auto.score(test, y_test):.3f} on {len(test)} reviews that were not used for training")

    new = ["The music is brilliant, and the acting won me over.", "The plot is a mess and put me to sleep."]
    for text, probabilities in zip(new, auto.predict_proba(new), strict=True):
        best = probabilities.argmax()
        print(f"{auto.classes_[best]} ({probabilities[best]:.2f}): {text}")


if __name__ == "__main__":
    main()
