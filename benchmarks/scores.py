"""Test scores within a budget, against the pipelines that one would write by hand. Resumable; one line of JSON a run.

    python benchmarks/scores.py --data DATA --encoder FOLDER --budget 10m --seeds 0 1 2 --sets sst2 trec6 --out s.jsonl
    python benchmarks/scores.py --data DATA --budget 1m --families linear --sets sst2 ag_news --out s.jsonl
    python benchmarks/scores.py --data DATA --budget 5m --hand --sets women_clothing_review --out s.jsonl
    python benchmarks/scores.py --table s.jsonl

DATA holds a folder for each set with train.csv.gz and test.csv.gz (columns text and label, unless SETS says otherwise;
of women_clothing_review the two texts alone are read, and Rating is a number to predict; goemotions has several labels
a row, joined by |). The test file is the test set:
``penna fit --test`` opens it once, at the end. With ``--held-out`` the test set comes from the training rows instead,
and the test file is scored afterwards: the difference shows how honest the reported score is."""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import _runs


@dataclass(frozen=True)
class Set:
    """What is requested of one set; ``pair``: the second text of pairs; ``test``: the file of the test set; ``form``:
    of the files."""

    metric: str = "accuracy"
    text: tuple[str, ...] = ("text",)
    target: str = "label"
    task: str = "classification"
    pair: str = ""
    test: str = "test"
    form: str = "csv.gz"


SETS = {
    "goemotions": Set("macro_f1", target="labels", task="multilabel"),
    "mrpc": Set(text=("sentence1",), pair="sentence2"),
    "rte": Set(text=("sentence1",), pair="sentence2", test="dev"),  # labels of its test rows were never published
    "snli_small": Set(text=("premise",), pair="hypothesis"),
    "squad_small": Set("answer_f1", ("question",), "answers", "question_answering", "context", form="jsonl.gz"),
    "stsb": Set("spearman", ("sentence1",), "score", "regression", "sentence2"),
    "tweeteval_emotion": Set("macro_f1"),
    "tweeteval_irony": Set("macro_f1"),
    "tweeteval_offensive": Set("macro_f1"),
    "wnut17": Set("entity_f1", ("tokens",), "tags", "token_classification", form="jsonl.gz"),
    "women_clothing_review": Set("r2", ("Title", "Review Text"), "Rating", "regression"),
}


def rows(path: Path, asked: Set) -> pd.DataFrame:
    """Columns text (several, and pairs, joined by a line break) and label."""
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    joined = table[[*asked.text, *([asked.pair] if asked.pair else [])]].agg("\n".join, axis=1)
    label = table[asked.target].astype(float) if asked.task == "regression" else table[asked.target]
    return pd.DataFrame({"text": joined, "label": label})


def penna_run(args: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    folder = Path(args.data) / name
    asked = SETS.get(name, Set())
    with tempfile.TemporaryDirectory() as home:
        command = [folder / f"train.{asked.form}", "--target", asked.target]
        command += [part for column in asked.text for part in ("--text", column)] + ["--ignore-columns", "*"]
        command += ["--text-pair", asked.pair] if asked.pair else []
        command += ["--threads", args.threads] if args.threads else []
        command += ["--task", asked.task, "--metric", asked.metric, "--seed", seed, "--budget", args.budget]
        command += [] if args.held_out else ["--test", folder / f"{asked.test}.{asked.form}"]
        command += ["--encoder", args.encoder] if args.encoder else []
        command += ["--families", args.families] if args.families else []
        ran = _runs.fitted(home, *command)
        evaluated = ["-m", "penna", "evaluate", str(ran.out), str(folder / f"{asked.test}.{asked.form}"), "--json"]
        done = subprocess.run([sys.executable, *evaluated], check=True, capture_output=True, text=True)
        measured = json.loads(done.stdout)
        if args.keep:
            keep = Path(args.keep) / f"{name}-{args.budget}-{seed}"
            keep.mkdir(parents=True, exist_ok=True)
            for file in ("run.json", "trials.jsonl", "report.html"):
                (keep / file).write_bytes((ran.out / file).read_bytes())
        placed = (
            exact(ran.out, folder / f"{asked.test}.{asked.form}", asked) if asked.task == "question_answering" else {}
        )
    return {
        "test": measured[asked.metric][0],
        "test_in_fit": ran.manifest["test"][asked.metric][0],
        "measured": {metric: v[0] for metric, v in measured.items() if metric != "by_class" and isinstance(v, list)},
        **placed,
        **ran.facts,
    }


def exact(run: Path, file: Path, asked: Set) -> dict[str, int]:
    """How many answers of ``penna predict`` are the very characters of their text that they say they are."""
    command = [sys.executable, "-m", "penna", "predict", str(run), str(file), "--out", str(run / "answers.jsonl")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    texts = pd.read_json(file, lines=True)[asked.pair]
    answers = [json.loads(line)["prediction"] for line in (run / "answers.jsonl").open(encoding="utf-8")]
    right = [
        a["text"] == (text[a["start"] : a["end"]] if a["text"] else "") and (a["start"] >= 0) == bool(a["text"])
        for a, text in zip(answers, texts, strict=True)
    ]
    return {"rows": len(right), "exact": sum(right)}


def by_hand(args: argparse.Namespace, name: str) -> dict[str, float]:
    """TF-IDF, and with an encoder its frozen embeddings, each with a linear model tuned by 5-fold CV.

    Nothing where parts of texts are answered."""
    asked = SETS.get(name, Set())
    if asked.task in ("token_classification", "question_answering"):
        return {}
    train, test = (rows(Path(args.data) / name / f"{part}.csv.gz", asked) for part in ("train", asked.test))
    by = {"classification": classes_by_hand, "multilabel": labels_by_hand, "regression": numbers_by_hand}[asked.task]
    return by(train, test, asked.metric, args.encoder)


def classes_by_hand(train: pd.DataFrame, test: pd.DataFrame, metric: str, encoder: str) -> dict[str, float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    grid = {"logisticregression__C": [0.1, 1, 10, 100]}
    plain = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    scoring = "f1_macro" if metric == "macro_f1" else metric

    def score(predicted: Any) -> float:
        value = f1_score(test.label, predicted, average="macro") if metric == "macro_f1" else None
        return float(accuracy_score(test.label, predicted) if value is None else value)

    searched = GridSearchCV(plain, grid, cv=5, scoring=scoring, n_jobs=2).fit(train.text, train.label)
    scores = {"tfidf_logistic": score(searched.predict(test.text))}
    if encoder:
        x, z = embedded(train, test, encoder)
        scale = StandardScaler().fit(x)
        few = LogisticRegressionCV if train.label.nunique() < 10 else LogisticRegression
        head = few(max_iter=300).fit(scale.transform(x), train.label)
        scores["frozen_logistic"] = score(head.predict(scale.transform(z)))
    return scores


def labels_by_hand(train: pd.DataFrame, test: pd.DataFrame, metric: str, encoder: str) -> dict[str, float]:
    """One logistic regression for each label, balanced so that 0.5 is a fair cut; macro F1 whatever the metric."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

    sets = MultiLabelBinarizer().fit(train.label.str.split("|"))
    y, truth = (sets.transform(part.label.str.split("|")) for part in (train, test))
    each = OneVsRestClassifier(LogisticRegression(max_iter=1000, class_weight="balanced"))
    plain = make_pipeline(TfidfVectorizer(min_df=2, sublinear_tf=True), each)
    grid = {"onevsrestclassifier__estimator__C": [0.3, 1, 3]}
    searched = GridSearchCV(plain, grid, cv=3, scoring="f1_macro", n_jobs=2).fit(train.text, y)
    scores = {"tfidf_logistic": float(f1_score(truth, searched.predict(test.text), average="macro"))}
    if encoder:
        x, z = embedded(train, test, encoder)
        head = make_pipeline(StandardScaler(), each).fit(x, y)
        scores["frozen_logistic"] = float(f1_score(truth, head.predict(z), average="macro"))
    return scores


def numbers_by_hand(train: pd.DataFrame, test: pd.DataFrame, metric: str, encoder: str) -> dict[str, float]:
    """Ridge regression, chosen by R2 whatever the metric."""
    from scipy.stats import spearmanr
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge, RidgeCV
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    grid = {"ridge__alpha": [0.3, 1, 3, 10], "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)]}
    plain = make_pipeline(TfidfVectorizer(min_df=2, sublinear_tf=True), Ridge(solver="sparse_cg"))
    searched = GridSearchCV(plain, grid, cv=5, scoring="r2", n_jobs=2).fit(train.text, train.label)

    def score(answers: Any) -> float:
        return float(spearmanr(test.label, answers)[0] if metric == "spearman" else r2_score(test.label, answers))

    scores = {"tfidf_ridge": score(searched.predict(test.text))}
    if encoder:
        x, z = embedded(train, test, encoder)
        head = make_pipeline(StandardScaler(), RidgeCV(np.geomspace(1, 1e4, 9))).fit(x, train.label)
        scores["frozen_ridge"] = score(head.predict(z))
    return scores


def embedded(train: pd.DataFrame, test: pd.DataFrame, folder: str) -> tuple[Any, Any]:
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(folder, device="cpu")
    return encoder.encode(list(train.text)), encoder.encode(list(test.text))


def table(lines: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame([line for line in lines if "seed" in line])
    hand = {(line["set"], line["encoder"]): line["by_hand"] for line in lines if "by_hand" in line}
    names = ["set", "budget", "encoder", "runs", "test", "test set - test", "TF-IDF by hand", "frozen by hand"]
    names += ["wall s", "peak GB", "MB", "ms"]
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    for (name, budget, encoder), group in frame.groupby(["set", "budget", "encoder"], sort=False):
        compared = hand.get((name, encoder), {})
        gap = (group.exam - group.test).mean() if group.held_out.all() else float("nan")
        cells = [name, budget, encoder or "none", len(group), f"{group.test.mean():.4f} ± {group.test.std(ddof=0):.4f}"]
        cells += [f"{gap:+.4f}" if np.isfinite(gap) else "(test set is test)"]
        for kind in ("tfidf", "frozen"):
            cells += [next((f"{score:.4f}" for k, score in compared.items() if k.startswith(kind)), "")]
        peak = group.peak_gb.max() if "peak_gb" in group else float("nan")
        cells += [f"{group.wall.max():.1f}", f"{peak:.1f}", f"{group.megabytes.mean():.1f}"]
        cells += [f"{group.one_text_ms.mean():.2f}"]
        print("| " + " | ".join(map(str, cells)) + " |")
    held = frame[frame.held_out]
    if len(held):
        gaps = held.exam - held.test
        print(f"\nexam minus test over {len(held)} runs: mean {gaps.mean():+.4f}, standard deviation {gaps.std():.4f}")


def main() -> None:
    parser = _runs.parser(__doc__, "scores.jsonl", budget="10m", threads=0)
    parser.add_argument("--sets", nargs="+", default=["sst2", "trec6", "banking77", "tweeteval_emotion"])
    parser.add_argument("--families", default="")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--hand", action="store_true", help="also run the pipelines written by hand")
    parser.add_argument("--keep", default="", help="folder to keep each run's ledger, record and report in")
    args = parser.parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    lines, encoder = _runs.Lines(args.out), Path(args.encoder).parent.name or args.encoder
    for name in args.sets:
        base = {"set": name, "encoder": encoder}
        if args.hand and not any("by_hand" in line and line.items() >= base.items() for line in lines.done):
            lines.add({**base, "by_hand": by_hand(args, name)})
    for seed in args.seeds:
        for name in args.sets:
            key = {"set": name, "encoder": encoder, "budget": args.budget, "seed": seed, "held_out": args.held_out}
            if not lines.has(key):
                lines.add({**key, **penna_run(args, name, seed)})


if __name__ == "__main__":
    main()
