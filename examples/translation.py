"""Train a small English-German translator from pairs of sentences, and translate new combinations of their words.

On two free cores the budget suffices for an encoder-decoder. On a slower or busy machine, give more seconds: otherwise
a translation memory wins, which returns the translation of the most similar sentence.

Run: python examples/translation.py
"""

import itertools
import random

import pandas as pd
import sacrebleu

from penna import AutoText

PEOPLE = [("a man", "ein Mann"), ("a woman", "eine Frau"), ("a child", "ein Kind"), ("the doctor", "der Arzt")]
VERBS = [("buys", "kauft"), ("sees", "sieht"), ("paints", "malt"), ("carries", "trägt"), ("finds", "findet")]
THINGS = [
    ("a red book", "ein rotes Buch"),
    ("a small house", "ein kleines Haus"),
    ("an old picture", "ein altes Bild"),
    ("a white horse", "ein weißes Pferd"),
    ("a new bicycle", "ein neues Fahrrad"),
]
PLACES = [
    ("in the city", "in der Stadt"),
    ("on the beach", "am Strand"),
    ("in the garden", "im Garten"),
    ("at the station", "am Bahnhof"),
]


def pairs() -> pd.DataFrame:
    """Return all sentences as columns "en" and "de", in random order."""
    rows = []
    for parts in itertools.product(PEOPLE, VERBS, THINGS, PLACES):
        english, german = (" ".join(words) + "." for words in zip(*parts, strict=True))
        rows.append((english[0].upper() + english[1:], german[0].upper() + german[1:]))
    random.Random(0).shuffle(rows)
    return pd.DataFrame(rows, columns=["en", "de"])


def main() -> None:
    rows = pairs()
    train, test = rows[:-40], rows[-40:]

    auto = AutoText(budget="40s", task="translation", text="en").fit(train, "de")
    translated = list(auto.predict(list(test["en"])))
    score = sacrebleu.corpus_chrf(translated, [list(test["de"])]).score
    print(f"chrF {score:.1f} on {len(test)} sentences that were not used for training")

    for english, answer in list(zip(test["en"], translated, strict=True))[:5]:
        print(f"{english} -> {answer}")


if __name__ == "__main__":
    main()
