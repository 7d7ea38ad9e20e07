"""Tables with more than text: the text alone, the columns alone, and both, within a budget. Resumable; one line of JSON
a run.

    python benchmarks/tables.py --data DATA --encoder FOLDER --budget 5m --seeds 0 1 2 --out tables.jsonl
    python benchmarks/tables.py --data DATA --budget 20s --families linear,trees --sets imdb_genre --out tables.jsonl
    python benchmarks/tables.py --data DATA --hand --out tables.jsonl
    python benchmarks/tables.py --table tables.jsonl

DATA holds imdb_genre (is it a drama? ROC AUC) and women_clothing_review (its Rating; R2), each with train.csv.gz and
test.csv.gz; which columns are read follows Shi et al. 2021, "Benchmarking Multimodal AutoML for Tabular Data with Text
Fields". The test file is the test set: ``penna fit --test`` opens it once, at the end. ``--hand`` scores pipelines as
one would write them with scikit-learn, on both."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import _runs


@dataclass(frozen=True)
class Set:
    """What is requested of one set, and which of its columns are text; ``left_out`` are read by nobody."""

    target: str
    metric: str
    task: str
    text: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # that could be taken for text where there is no other


SETS = {
    "imdb_genre": Set(
        "Genre_is_Drama", "roc_auc", "classification", ("Title", "Description", "Actors"), names=("Director",)
    ),
    "women_clothing_review": Set(
        "Rating", "r2", "regression", ("Title", "Review Text"),
        ("Clothing ID", "Recommended IND", "Positive Feedback Count"),
    ),
}  # fmt: skip
READS = ("text", "columns", "both")


def options(asked: Set, reads: str) -> list[str]:
    """What the command line is reported, so that it reads the text, the columns or both."""
    ignored = {"text": ["*"], "columns": [*asked.left_out, *asked.text], "both": list(asked.left_out)}[reads]
    named = [] if reads == "text" else [part for column in asked.names for part in ("--categorical-columns", column)]
    texts = named if reads == "columns" else named + [part for column in asked.text for part in ("--text", column)]
    return texts + [part for column in ignored for part in ("--ignore-columns", column)]


def penna_run(args: argparse.Namespace, name: str, reads: str, seed: int) -> dict[str, Any]:
    asked, folder = SETS[name], Path(args.data) / name
    with tempfile.TemporaryDirectory() as home:
        command = [folder / "train.csv.gz", "--target", asked.target, "--test", folder / "test.csv.gz"]
        command += ["--task", asked.task, "--metric", asked.metric, "--seed", seed, "--budget", args.budget]
        command += options(asked, reads)
        command += ["--threads", args.threads] if args.threads else []
        command += ["--encoder", args.encoder] if args.encoder else []
        command += ["--families", args.families] if args.families else []
        ran = _runs.fitted(home, *command)
    return {"test": ran.manifest["test"][asked.metric][0], **ran.facts}


def by_hand(args: argparse.Namespace, name: str) -> dict[str, float]:
    """TF-IDF next to scaled numbers and one-hot names under a linear model tuned by 5-fold CV; and gradient boosting on
    the same with 100 directions of the TF-IDF."""
    asked, folder = SETS[name], Path(args.data) / name
    train, test = (_read(folder / f"{part}.csv.gz", asked) for part in ("train", "test"))
    return {kind: _scored(pipeline, asked, train, test) for kind, pipeline in _pipelines(asked, train).items()}


def _read(path: Path, asked: Set) -> pd.DataFrame:
    table = pd.read_csv(path).drop(columns=list(asked.left_out))
    text = table[list(asked.text)].fillna("").agg("\n".join, axis=1)
    return table.drop(columns=list(asked.text)).assign(text=text)


def _pipelines(asked: Set, train: pd.DataFrame) -> dict[str, Any]:
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import TruncatedSVD
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    beside = train.drop(columns=[asked.target, "text"])
    numbers = list(beside.select_dtypes("number").columns)
    names = [column for column in beside.columns if column not in numbers]
    tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    onehot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3)
    dense = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3, sparse_output=False)
    linear = ColumnTransformer([("text", tfidf, "text"), ("numbers", scaled, numbers), ("names", onehot, names)])
    few = make_pipeline(tfidf, TruncatedSVD(100, random_state=0))
    boosted = ColumnTransformer([("text", few, "text"), ("numbers", "passthrough", numbers), ("names", dense, names)])
    scoring = asked.metric
    if asked.task == "regression":
        last, trees = Ridge(solver="sparse_cg"), HistGradientBoostingRegressor(random_state=0)
        grid: dict[str, Any] = {"ridge__alpha": [0.3, 1, 3, 10]}
    else:
        last, trees = LogisticRegression(max_iter=2000), HistGradientBoostingClassifier(random_state=0)
        grid = {"logisticregression__C": [0.03, 0.1, 0.3, 1, 10]}
    return {
        "linear": GridSearchCV(make_pipeline(linear, last), grid, cv=5, scoring=scoring),
        "boosting": make_pipeline(boosted, trees),
    }


def _scored(pipeline: Any, asked: Set, train: pd.DataFrame, test: pd.DataFrame) -> float:
    from sklearn.metrics import r2_score, roc_auc_score

    pipeline.fit(train.drop(columns=asked.target), train[asked.target])
    if asked.task == "regression":
        return float(r2_score(test[asked.target], pipeline.predict(test)))
    return float(roc_auc_score(test[asked.target], pipeline.predict_proba(test)[:, 1]))


def table(lines: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame([line for line in lines if "seed" in line])
    hand = {line["set"]: line["by_hand"] for line in lines if "by_hand" in line}
    print("| set | budget | encoder | runs | text alone | columns alone | both | by hand | wall s | MB | ms |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for (name, budget, encoder), group in frame.groupby(["set", "budget", "encoder"], sort=False):
        cells = [f"{name} ({SETS[name].metric})", budget, encoder or "none", group.seed.nunique()]
        for reads in READS:
            some = group[group.reads == reads].test
            cells += [f"{some.mean():.4f} ± {some.std(ddof=0):.4f}" if len(some) else ""]
        cells += [", ".join(f"{kind} {score:.4f}" for kind, score in hand.get(name, {}).items())]
        cells += [f"{group.wall.max():.1f}", f"{group.megabytes.mean():.1f}", f"{group.one_text_ms.mean():.2f}"]
        print("| " + " | ".join(map(str, cells)) + " |")


def main() -> None:
    parser = _runs.parser(__doc__, "tables.jsonl", budget="5m", threads=0)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--reads", nargs="+", default=list(READS), choices=READS)
    parser.add_argument("--families", default="")
    parser.add_argument("--hand", action="store_true", help="run the pipelines written by hand")
    args = parser.parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    lines, encoder = _runs.Lines(args.out), Path(args.encoder).parent.name if args.encoder else ""
    for name in args.sets if args.hand else ():
        if not any("by_hand" in line and line["set"] == name for line in lines.done):
            lines.add({"set": name, "by_hand": by_hand(args, name)})
    for seed in args.seeds:
        for name in args.sets:
            for reads in args.reads:
                key = {"set": name, "reads": reads, "encoder": encoder, "budget": args.budget, "seed": seed}
                if not lines.has(key):
                    lines.add({**key, **penna_run(args, name, reads, seed)})


if __name__ == "__main__":
    main()
