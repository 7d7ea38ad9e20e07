"""Scores of encoders: frozen with logistic regression, fine-tuned, and how quick. Resumable; one line of JSON each.

    python benchmarks/encoders.py DATA --encoder MiniLM=FOLDER ours=FOLDER ours=FOLDER@3 --out e.jsonl
    python benchmarks/encoders.py DATA --encoder MiniLM=FOLDER ours=FOLDER --finetune --seeds 0 1 2 --out e.jsonl
    python benchmarks/encoders.py --table e.jsonl

DATA holds a folder for each set with train.csv.gz and test.csv.gz. An encoder is a folder or a name, with "@3" after it
cut to its first three layers, with "NAME=" before it called so; the first one is what the others are compared with.
Frozen: the mean over a text's tokens, centred and made one long, with logistic regression; C is chosen on a fifth of
the training rows. Few: 10 rows a class with C = 10, the mean of 5 draws, which are the same for all encoders. TF-IDF
stands next to them, with the same regression. --finetune: sst2 and trec6 through Penna's own family, mrpc and stsb as
pairs with token types (pairs.py), each with one fixed recipe, which --lr, --epochs, --pooling and --start change. Texts
a second are taken in turns within one run.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import _runs
import frozen
import pairs
from _runs import Lines
from finetune_recipes import read
from penna.budget import Deadline
from penna.encoders import checkpoints, embeddings, tokens
from penna.encoders.checkpoints import Checkpoint

SETS = {"sst2": "accuracy", "trec6": "accuracy", "banking77": "accuracy", "tweeteval_emotion": "macro_f1"}
TUNED = {"sst2": "accuracy", "trec6": "accuracy", "mrpc": "accuracy", "stsb": "spearman"}


@dataclass(frozen=True)
class Subject:
    """An encoder at a depth, as it is called in the table."""

    name: str
    checkpoint: Checkpoint
    depth: int

    @property
    def key(self) -> dict[str, Any]:
        return {"encoder": self.name, "fingerprint": self.checkpoint.fingerprint, "depth": self.depth}


def subject(text: str) -> Subject:
    """``NAME=FOLDER@DEPTH``, where the name and the depth may be missing."""
    name, _, place = text.rpartition("=")
    place, _, depth = place.partition("@")
    checkpoint = checkpoints.find(place)
    folder = checkpoint.folder
    name = name or (folder.parent.name if folder.name in ("encoder", "model") else folder.name)
    deep = int(depth) if depth else checkpoint.layers
    return Subject(name if deep == checkpoint.layers else f"{name}@{deep}", checkpoint, deep)


def speeds(subjects: list[Subject], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Texts a second of each, in turns within one run: tokenising, batches by length, the pass and the mean."""
    texts = [read(args.data / name / "train.csv.gz") for name in ("sst2", "banking77")]
    texts = [t.take(np.random.default_rng(0).permutation(len(t))[: args.texts // 2]) for t in texts]
    loaded = [(s, embeddings.Encoder(s.checkpoint, [s.depth], "mean", args.dtype, args.threads)) for s in subjects]

    def once(one: Subject, encoder: embeddings.Encoder) -> float:
        begun = time.perf_counter()
        for table in texts:
            cut = tokens.tokenise(one.checkpoint, table, 128, None)
            for batch in embeddings.batches_of(cut.lengths, encoder.batch_tokens):
                encoder.pool(cut, batch)
        return time.perf_counter() - begun

    for one, encoder in loaded:  # the first time pays for setting up
        once(one, encoder)
    taken: list[list[float]] = [[] for _ in loaded]
    for turn in range(args.pairs):
        order = range(len(loaded)) if turn % 2 else reversed(range(len(loaded)))
        for i in order:
            time.sleep(0.005)  # the threads of the one before wait busily for a while
            taken[i].append(once(*loaded[i]))
    rows = sum(map(len, texts))
    return [
        {
            **one.key,
            "what": "speed",
            "beside": [s.name for s, _ in loaded],
            "texts_per_second": round(rows / statistics.median(mine), 1),
            "ratio": round(statistics.median(b / a for a, b in zip(mine, taken[0], strict=True)), 3),
            "dtype": args.dtype,
        }
        for (one, _), mine in zip(loaded, taken, strict=True)
    ]


def tuned(one: Subject, data: Path, name: str, args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Fine-tuned on the whole of ``name``, scored on its test rows."""
    if name in pairs.SETS:
        how = pairs.How(lr=args.lr, epochs=args.epochs, pooling=args.pooling, start=args.start)
        return {**pairs.finetuned(one.checkpoint, one.depth, data, name, how, seed, args.rows), "recipe": asdict(how)}
    from penna.budget import Resources
    from penna.models.finetune import family as finetune
    from penna.search.recipe import Recipe
    from penna.tasks import classification

    train, test = (read(data / name / f"{part}.csv.gz") for part in ("train", "test"))
    train = train.take(np.random.default_rng(seed).permutation(len(train))[: args.rows])
    hyperparameters = {"lr": args.lr, "epochs": args.epochs, "depth": one.depth / one.checkpoint.layers}
    recipe = Recipe.of("finetune", seed=seed, encoder=str(one.checkpoint.folder), **hyperparameters)
    task = classification.from_table(train)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as cache:
        resources = Resources(Path(cache), Deadline(args.seconds), args.threads)
        model = finetune.fit(recipe, task, train, None, resources, lambda step, of, score: True)
        seconds = time.monotonic() - begun
        told = np.array(task.classes)[model.outputs(test).argmax(1)]
    score = frozen.measured(TUNED[name], test.target, told)
    return {"score": score, "seconds": round(seconds, 1), "recipe": hyperparameters, "why": model.outcome.why}


def megabytes(checkpoint: Checkpoint) -> float:
    """Of the files with weights, as they lie on the disk."""
    return round(sum(f.stat().st_size for f in checkpoint.folder.glob("*.safetensors")) / 1e6, 1)


def all_frozen(subjects: list[Subject], lines: Lines, args: argparse.Namespace) -> None:
    for name in args.sets:
        train, test = (read(args.data / name / f"{part}.csv.gz") for part in ("train", "test"))
        plain = {"encoder": "TF-IDF", "what": "frozen", "set": name}
        if not lines.has(plain):
            lines.add({**plain, **frozen.tfidf(train, test, SETS[name])})
        for one in subjects:
            key = {**one.key, "what": "frozen", "set": name}
            if not lines.has(key):
                x, z = (
                    frozen.vectors(one.checkpoint, one.depth, t, args.cache, args.threads, args.dtype)
                    for t in (train, test)
                )
                scores = frozen.scores(x, train.target, z, test.target, SETS[name])
                facts = {"megabytes": megabytes(one.checkpoint), "width": one.checkpoint.width, "dtype": args.dtype}
                lines.add({**key, **scores, **facts})


def all_tuned(subjects: list[Subject], lines: Lines, args: argparse.Namespace) -> None:
    for seed in args.seeds:
        for name in args.tuned:
            for one in subjects:
                key = {**one.key, "what": "tuned", "set": name, "seed": seed, "lr": args.lr, "epochs": args.epochs}
                key |= {
                    "rows": args.rows,
                    **({"pooling": args.pooling, "start": args.start} if name in pairs.SETS else {}),
                }
                if not lines.has(key):
                    lines.add({**key, **tuned(one, args.data, name, args, seed)})


def all_speeds(subjects: list[Subject], lines: Lines, args: argparse.Namespace) -> None:
    beside = [s.name for s in subjects]
    if not all(lines.has({**s.key, "what": "speed", "beside": beside}) for s in subjects):
        for line in speeds(subjects, args):
            lines.add(line)


def table(lines: list[dict[str, Any]]) -> None:
    """Markdown, each table under the mark that the documents have for it; of a name, what was measured last."""
    last = {line["encoder"]: line.get("fingerprint") for line in lines}
    lines = [line for line in lines if line.get("fingerprint") == last[line["encoder"]]]
    names = list(last)
    plain, learnt = ([line for line in lines if line["what"] == what] for what in ("frozen", "tuned"))
    sizes = {line["encoder"]: line["megabytes"] for line in plain if "megabytes" in line}
    speed = {line["encoder"]: line for line in lines if line["what"] == "speed"}
    for column, mark in (("full", "frozen"), ("few", "few")) if plain else ():
        print(f"\n<!-- table: {mark} -->")
        found = {(line["encoder"], line["set"]): line[column] for line in plain}
        _scores(names, list(SETS), found, {n: _facts(n, sizes, speed) for n in names})
    scores: dict[tuple[str, str], list[float]] = {}
    for line in learnt:
        scores.setdefault((_recipe(line), _asked(line)), []).append(line["score"])
    if scores:
        print("\n<!-- table: tuned -->")
        rows, sets = ([*dict.fromkeys(names)] for names in zip(*scores, strict=True))
        _scores(rows, sets, {key: statistics.mean(v) for key, v in scores.items()}, {n: [] for n in rows})


def _recipe(line: Mapping[str, Any]) -> str:
    """The encoder with what it was tuned by; scores of different recipes are not mixed."""
    rows = f", {line['rows']} rows" if line["rows"] else ""
    return f"{line['encoder']} (lr {line['lr']:g}, {line['epochs']:g} epochs{rows})"


def _asked(line: Mapping[str, Any]) -> str:
    """The set, with how its pairs were read where that is not as usual."""
    how = [line["pooling"]] if line.get("pooling", "mean") != "mean" else []
    return ", ".join([line["set"], *how, *(["start"] if line.get("start") else [])])


def _facts(name: str, sizes: Mapping[str, float], speed: Mapping[str, Any]) -> list[str]:
    told = speed.get(name)
    return [f"{sizes[name]}" if name in sizes else "", f"{told['texts_per_second']:,.0f}" if told else ""]


def _scores(names: list[str], sets: list[str], found: Mapping[Any, float], facts: Mapping[str, list[str]]) -> None:
    """One row an encoder; its mean also as a share of the first encoder's that is not TF-IDF."""
    sets = [s for s in sets if any((n, s) in found for n in names)]
    whole = {n: statistics.mean(found[n, s] for s in sets) for n in names if all((n, s) in found for s in sets)}
    first = next((whole[n] for n in names if n in whole and n != "TF-IDF"), None)
    more = ["MB", "texts/s"] if any(facts.values()) else []
    print("| " + " | ".join(["encoder", *sets, "mean", "of the first", *more]) + " |")
    print("|---" * (3 + len(sets) + len(more)) + "|")
    for name in (n for n in names if any((n, s) in found for s in sets)):
        cells = [f"{found[name, s]:.4f}" if (name, s) in found else "" for s in sets]
        cells += [f"{whole[name]:.4f}" if name in whole else ""]
        cells += [f"{whole[name] / first:.1%}" if name in whole and first else ""]
        print("| " + " | ".join([name, *cells, *facts[name]]) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--encoder", nargs="+", default=[], help="FOLDER, NAME=FOLDER or NAME=FOLDER@DEPTH")
    parser.add_argument("--sets", nargs="*", default=list(SETS), help="for frozen scores")
    parser.add_argument("--texts", type=int, default=1000, help="for the speed; 0 leaves it out")
    parser.add_argument("--pairs", type=int, default=5, help="turns of measuring the speed")
    parser.add_argument("--finetune", action="store_true")
    parser.add_argument("--tuned", nargs="*", default=list(TUNED), help="sets to fine-tune on")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--pooling", choices=["mean", "sides"], default="mean", help="of pairs")
    parser.add_argument("--start", action="store_true", help="the head of pairs begins as a regression")
    parser.add_argument("--rows", type=int, help="fine-tune on this many rows only")
    parser.add_argument("--seconds", type=float, default=7200, help="at most, for one fine-tuning")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="", help="of frozen encoders; the quicker one if not given")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "penna-encoders")
    parser.add_argument("--out", type=Path, default=Path("encoders.jsonl"))
    parser.add_argument("--table", type=Path)
    args = parser.parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    import torch

    from penna.training import precision

    torch.set_num_threads(args.threads)
    args.dtype = args.dtype or str(precision.fastest_dtype())
    lines, subjects = Lines(args.out), [subject(text) for text in args.encoder]
    all_frozen(subjects, lines, args)
    if args.finetune:
        all_tuned(subjects, lines, args)
    if args.texts and subjects:
        all_speeds(subjects, lines, args)


if __name__ == "__main__":
    main()
