"""Sort questions to a bank by topic (22 classes), save the model, and load it without PyTorch.

Run: python examples/topics.py
"""

import tempfile
from importlib.resources import files
from pathlib import Path

import pandas as pd

from penna import AutoText, load


def main() -> None:
    # The questions of `penna demo`, a part of Banking77: columns "text" and "label".
    data = files("penna") / "assets" / "demo"
    train = pd.read_csv(str(data / "train.csv.gz"))
    test = pd.read_csv(str(data / "test.csv.gz"))

    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "topics"
        auto = AutoText(budget="15s", out=run).fit(train, "label")
        print(auto.leaderboard()[["family", "score", "seconds", "megabytes"]].head(5).to_string(index=False))

        model = load(run)  # in another program, this needs neither the training rows nor PyTorch
        predicted = model.predict(list(test["text"]))
        print(f"accuracy {(predicted == test['label']).mean():.3f} on {len(test)} test questions")

        new = ["My card still has not come, and it has been two weeks!", "Why is my PIN blocked?"]
        for text, topic in zip(new, model.predict(new), strict=True):
            print(f"{topic}: {text}")


if __name__ == "__main__":
    main()
