"""Find names of people, companies and cities in sentences (token classification with BIO tags).

Run: python examples/entities.py
"""

import random

import pandas as pd

from penna import AutoText

PEOPLE = ["Ada Okafor", "Lena Fischer", "Marco Rossi", "Yuki Tanaka", "Priya Nair", "Tom Baker", "Sofia Lind"]
COMPANIES = ["Northwind", "Blue Harbor Bank", "Ferrum Steel", "Acorn Labs", "Lumen Energy", "Delta Foods"]
CITIES = ["Lisbon", "Oslo", "New York", "Nairobi", "Kyoto", "Buenos Aires", "Vienna", "Lagos"]
SENTENCES = [
    "{PER} joined {ORG} in {LOC} last year .",
    "{ORG} opens a new office in {LOC} .",
    "The train from {LOC} to {LOC} was late again .",
    "{PER} announced that {ORG} would not leave {LOC} .",
    "Shares of {ORG} fell after {PER} resigned .",
    "{PER} met {PER} at a conference in {LOC} .",
    "The weather stays dry until the weekend .",
]


def sentence(rng: random.Random) -> tuple[list[str], list[str]]:
    """Return the words of one sentence and a tag for each word."""
    words, tags = [], []
    for part in rng.choice(SENTENCES).split():
        names = {"{PER}": PEOPLE, "{ORG}": COMPANIES, "{LOC}": CITIES}.get(part)
        if names is None:
            words, tags = [*words, part], [*tags, "O"]
            continue
        name, kind = rng.choice(names).split(), part.strip("{}")
        words += name
        tags += [f"B-{kind}"] + [f"I-{kind}"] * (len(name) - 1)
    return words, tags


def main() -> None:
    rng = random.Random(0)
    rows = pd.DataFrame([sentence(rng) for _ in range(400)], columns=["tokens", "tags"])

    auto = AutoText(budget="15s", task="token_classification").fit(rows[:300], "tags")
    print(f"entity F1 {auto.score(rows[300:], list(rows['tags'][300:])):.3f} on 100 sentences")

    words = ["Elena", "Petrova", "left", "Acorn", "Labs", "and", "moved", "to", "Oslo", "."]
    for word, tag in zip(words, auto.predict(pd.DataFrame({"tokens": [words]}))[0], strict=True):
        print(f"{word}\t{tag}")


if __name__ == "__main__":
    main()
