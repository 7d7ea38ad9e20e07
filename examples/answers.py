"""Quote answers to questions from a text (extractive question answering); some texts do not hold the answer.

On two free cores the budget suffices to fine-tune an encoder. On a slower or busy machine, give more seconds: otherwise
a sliding window over the words wins, which is far less accurate.

Run: python examples/answers.py
"""

import random

import pandas as pd

from penna import AutoText

NAMES = ["Ada", "Lena", "Marco", "Yuki", "Priya", "Tom", "Sofia", "Omar", "Nina", "Hugo"]
CITIES = ["Lisbon", "Oslo", "Nairobi", "Kyoto", "Vienna", "Lagos", "Lima", "Cork"]
JOBS = ["a nurse", "a carpenter", "an engineer", "a teacher", "a pilot", "a baker"]


def row(rng: random.Random) -> dict[str, object]:
    """Return a question, a text and the answers, each with the place where it starts in the text."""
    name, city, job, year = rng.choice(NAMES), rng.choice(CITIES), rng.choice(JOBS), str(rng.randint(1990, 2020))
    context = f"{name} was born in {city} in {year}. Today {name} works as {job} and likes long walks."
    question, answer = rng.choice([
        (f"Where was {name} born?", city),
        (f"When was {name} born?", year),
        (f"Who was born in {city}?", name),
        (f"What is the job of {name}?", job),
        (f"What is the phone number of {name}?", None),
    ])  # fmt: skip
    answers = [] if answer is None else [{"text": answer, "answer_start": context.index(answer)}]
    return {"question": question, "context": context, "answers": answers}


def main() -> None:
    rng = random.Random(0)
    rows = pd.DataFrame([row(rng) for _ in range(600)])

    auto = AutoText(budget="30s", task="question_answering").fit(rows[:500], "answers")
    print(f"F1 {auto.score(rows[500:], list(rows['answers'][500:])):.3f} on 100 questions")

    new = pd.DataFrame({
        "question": ["Where was Grace born?", "What is the job of Grace?"],
        "context": ["Grace was born in Dublin in 1987. Today Grace works as a lawyer and likes long walks."] * 2,
    })  # fmt: skip
    for question, answer in zip(new["question"], auto.predict(new), strict=True):
        print(f"{question} {answer['text'] or '(no answer)'}")


if __name__ == "__main__":
    main()
