"""What ALBERT's choices cost and give: encoders pretrained with an equal small budget, one choice changed at a time.

    python benchmarks/pretraining.py corpus-tiny.jsonl.xz --data DATA --budget 60s --out p.jsonl
    python benchmarks/pretraining.py corpus-tiny.jsonl.xz --data DATA --steps 500 --only sharing,width --out p.jsonl
    python benchmarks/pretraining.py corpus-tiny.jsonl.xz --data DATA --base hidden_size=384 heads=12 --out p.jsonl
    python benchmarks/pretraining.py --table p.jsonl

One line of JSON a run, finished ones are skipped. The tokenizer and the corpus as tokens are made once and shared by
all runs; each goes through ``penna.pretraining.pretrain``. The budget is for everything from the call to the encoder
on the disk; ``--steps`` takes its place where figures must come out again. ``--base`` changes options of all runs.
Losses and accuracies are those of the last fifth of the log; scores are a frozen mean embedding with logistic
regression on at most 2,000 training rows, on the test rows.
"""

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import _runs
import frozen
from encoders import megabytes
from finetune_recipes import hyperparameter, read

BASE: Mapping[str, Any] = {
    "arch": "albert",
    "size": "tiny",
    "layers": 6,
    "hidden_size": 192,
    "heads": 6,
    "embedding_size": 64,
    "layer_sharing": "all",
    "objectives": "mlm,sop",
    "max_seq_length": 128,
    "batch_tokens": 2048,
}
#: Tables, and in each what a row changes of the base; a run that stands in several tables is made once.
TABLES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "sharing": {
        "all (1 distinct layer)": {},
        "cycle:3 (3)": {"layer_sharing": "cycle:3"},
        "groups:3 (3)": {"layer_sharing": "groups:3"},
        "attention alone": {"layer_sharing": "attention"},
        "none (6)": {"layer_sharing": "none"},
    },
    "width": {
        "E = 32": {"embedding_size": 32},
        "E = 64": {"embedding_size": 64},
        "E = 128": {"embedding_size": 128},
        "E = H": {"embedding_size": "hidden"},
    },
    "pairs": {"SOP": {}, "NSP": {"objectives": "mlm,nsp"}, "none": {"objectives": "mlm"}},
    "depth": {str(n): {"layers": n} for n in (1, 3, 6, 12)},
}
SETS = ("trec6", "sst2")
ROWS = 2000
_LAST = 0.8  # of the training: losses are read off what comes after


def options(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A run's options; an embedding called "hidden" is as wide as the layers."""
    made = {**base, **change}
    return made | ({"embedding_size": made["hidden_size"]} if made["embedding_size"] == "hidden" else {})


def shared(corpus: Path, work: Path, vocab: int) -> tuple[Path, Path]:
    """The folders of the tokenizer and of the tokens, made where they are missing."""
    from penna.data.readers.read_notes import Notes
    from penna.pretraining import corpus as corpora
    from penna.pretraining import shards, vocabulary

    folder, cache = work / f"tokenizer-{vocab}", work / "tokens"
    if not (folder / "tokenizer.json").is_file():
        words = vocabulary.train(corpora.documents([corpus], Notes()), "unigram", vocab)
        vocabulary.save(words, folder, 512)
    shards.build([str(corpus)], vocabulary.load(folder), cache)
    return folder, cache


def one_run(chosen: Mapping[str, Any], args: argparse.Namespace, seed: int, given: tuple[Path, Path]) -> dict[str, Any]:
    """Pretrain, and read everything off what lies on the disk afterwards."""
    from penna.pretraining import pretrain

    out = args.work / "run"
    shutil.rmtree(out, ignore_errors=True)
    length = {"steps": args.steps, "log_steps": max(1, args.steps // 20)} if args.steps else {"budget": args.budget}
    told = {"tokenizer": str(given[0]), "cache": str(given[1]), "seed": seed, "threads": args.threads}
    outcome = pretrain(args.corpus, out, progress=_Notices(), **{**chosen, **length, **told})
    if outcome.why == "interrupted":  # pretrain has taken the signal, and stopped in good order
        raise SystemExit(130)
    facts = {
        "steps_done": outcome.steps,
        "dtype": json.loads((out / "settings.json").read_text(encoding="utf-8"))["settings"]["dtype"],
        "tokens": outcome.tokens,
        "seconds": round(outcome.seconds, 1),
        **logged(out / "log.jsonl"),
        **stored(out),
        **scores(out / "encoder", args.data, args.threads),
    }
    shutil.rmtree(out)
    return facts


class _Notices:
    """Tells what is noticed, and leaves the lines of the training to the log."""

    def event(self, kind: str, **data: Any) -> None:
        if kind == "notice":
            print("   ", data["message"], flush=True)


def logged(file: Path) -> dict[str, float]:
    """The means of the log's last fifth, weighted by tokens, and the median pace."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    counts = np.diff([0, *(line["tokens"] for line in lines)])
    late = [i for i, line in enumerate(lines) if line["progress"] > _LAST] or [len(lines) - 1]
    means = {}
    for name in ("mlm", "mlm accuracy", "sop accuracy", "nsp accuracy"):
        if told := [i for i in late if name in lines[i]]:  # a line has no accuracy where no pair was seen
            means[name] = round(float(np.average([lines[i][name] for i in told], weights=counts[told])), 4)
    return {
        **means,
        "tokens_per_second": round(statistics.median(line["tokens_per_second"] for line in lines[1:] or lines), 1),
        "mfu": round(statistics.median(line["mfu"] for line in lines[1:] or lines), 4),
        "mflop_per_token": round(lines[-1]["flops_per_token"] / 1e6, 2),
    }


def stored(out: Path) -> dict[str, float]:
    """What learns (heads included), the encoder's file, and what the optimiser kept: counted in the files."""
    state = sorted((out / "state").glob("[0-9]*"))[-1]
    weights, moments = (values(state / f"{part}.safetensors") for part in ("weights", "moments"))
    return {
        "parameters": weights,
        "file_megabytes": megabytes_of(out / "encoder"),
        "optimiser_megabytes": round(4 * moments / 1e6, 2),
        # Several processes send each other one gradient for each parameter and step, in float32.
        "exchanged_megabytes": round(4 * weights / 1e6, 2),
    }


def values(file: Path) -> int:
    """How many numbers a file of tensors holds; its header says so."""
    from safetensors import safe_open

    with safe_open(file, "np") as opened:
        return sum(int(np.prod(opened.get_slice(name).get_shape())) for name in opened.keys())  # noqa: SIM118


def megabytes_of(folder: Path) -> float:
    from penna.encoders import checkpoints

    return megabytes(checkpoints.find(str(folder)))


def scores(folder: Path, data: Path | None, threads: int) -> dict[str, float]:
    """Accuracy on each set, none without DATA."""
    from penna.encoders import checkpoints

    found = {}
    for name in SETS if data is not None else ():
        train, test = (read(data / name / f"{part}.csv.gz") for part in ("train", "test"))
        train = train.take(np.random.default_rng(0).permutation(len(train))[:ROWS])
        checkpoint = checkpoints.find(str(folder))
        x, z = (frozen.vectors(checkpoint, checkpoint.layers, t, None, threads) for t in (train, test))
        told = frozen.regression(x, train.target, "frozen").predict(z)
        found[name] = round(frozen.measured("accuracy", test.target, told), 4)
    return found


def table(lines: list[dict[str, Any]]) -> None:
    """The four tables in Markdown, each under the mark that the documents have for it; means over seeds."""
    bases = {json.dumps(line["base"], sort_keys=True): line for line in lines}
    for line in bases.values():
        length = f"{line['steps']} steps" if line["steps"] else f"budget {line['budget']}"
        print(f"\n{length}, {line['threads']} threads, base: `{json.dumps(line['base'])}`")
        mine = [other for other in lines if other["base"] == line["base"]]
        for name, rows in TABLES.items():
            found = {label: _of(mine, options(line["base"], change)) for label, change in rows.items()}
            if sum(map(bool, found.values())) > 1:
                print(f"\n<!-- table: {name} -->")
                _table(name, found)


def _of(lines: list[dict[str, Any]], chosen: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [line for line in lines if line["options"] == chosen]


def _table(name: str, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    columns: dict[str, tuple[str, str]] = {
        "parameters": ("parameters", ",.0f"),
        "file MB": ("file_megabytes", ".1f"),
        "optimizer MB": ("optimiser_megabytes", ".1f"),
        "exchanged MB per step": ("exchanged_megabytes", ".1f"),
        "MFLOP per token": ("mflop_per_token", ".1f"),
        "tokens/s": ("tokens_per_second", ",.0f"),
        "steps": ("steps_done", ",.0f"),
        "MLM loss": ("mlm", ".3f"),
        "SOP accuracy": ("sop accuracy", ".3f"),
        **({"NSP accuracy": ("nsp accuracy", ".3f")} if name == "pairs" else {}),
        **{s: (s, ".4f") for s in SETS},
    }
    print("| " + " | ".join([name, *columns]) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for label, found in rows.items():
        if found:
            print("| " + " | ".join([label, *(_cell(found, *c) for c in columns.values())]) + " |")


def _cell(found: list[dict[str, Any]], key: str, form: str) -> str:
    told = [line[key] for line in found if key in line]
    if not told:
        return ""
    spread = f" ± {statistics.stdev(told):{form}}" if len(told) > 1 and form != ",.0f" else ""
    return f"{statistics.mean(told):{form}}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument(
        "--base", nargs="*", type=hyperparameter, default=[], metavar="NAME=VALUE", help="options of all runs"
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--vocab", type=int, default=8000)
    parser.add_argument("--only", default=",".join(TABLES), help="tables, with commas between")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "penna-pretraining")
    parser.add_argument("--out", type=Path, default=Path("pretraining.jsonl"))
    parser.add_argument("--table", type=Path)
    args = parser.parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    if unknown := set(args.only.split(",")) - set(TABLES):
        parser.error(f"there is no table {sorted(unknown)[0]!r}: choose from {', '.join(TABLES)}")
    from penna.pretraining import run  # noqa: F401  (loads torch, before the first budget begins)
    from penna.training import precision

    precision.gemm_rates()
    lines, base = _runs.Lines(args.out), {**BASE, **dict(args.base)}
    given = shared(args.corpus, args.work, args.vocab)
    length = {"steps": args.steps, "budget": None if args.steps else args.budget}
    for seed in args.seeds:
        for name in args.only.split(","):
            for label, change in TABLES[name].items():
                key = {"base": base, "options": options(base, change), **length, "vocab": args.vocab, "seed": seed}
                key["threads"] = args.threads
                if not lines.has(key):
                    print(f"{name}: {label}", flush=True)
                    lines.add({**key, **one_run(key["options"], args, seed, given)})


if __name__ == "__main__":
    main()
