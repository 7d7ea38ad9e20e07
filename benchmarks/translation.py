"""Translation: BLEU by budget, layers shared against their own, the artifact against ``generate`` of transformers.

    python benchmarks/translation.py curve DATA --budgets 20m 60m 150m [--swap] [--encoder FOLDER] [--seeds 0 1]
    python benchmarks/translation.py sharing DATA --minutes 60 [--rows 29000] [--width 256] [--layers 3]
    python benchmarks/translation.py speed DATA --minutes 10 [--sentences 1000] [--batch 64] [--threads 2]

DATA holds train.csv.gz and test.csv.gz with the columns en and de (multi30k); the test file is the test set, opened
once. ``--swap`` translates from German. ``curve`` runs ``penna fit`` as anybody would. ``sharing`` gives two recipes
that differ in sharing alone the same steps, or as many as fit. ``speed`` translates the same sentences greedily by the
artifact and by the same weights in Hugging Face form, in turns, and counts in how many both say the same."""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import _runs
from penna.budget import Deadline, Resources
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.models.seq2seq import family as seq2seq
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import translation

SIDES = ("en", "de")


def rows(path: Path, sides: tuple[str, str], most: int | None = None) -> Table:
    frame = pd.read_csv(path, keep_default_na=False)[:most]
    source, target = (frame[side].to_numpy(object) for side in sides)
    return Table({sides[0]: source}, target, rows=np.arange(1, len(frame) + 1), target_name=sides[1])


def curve(args: argparse.Namespace, sides: tuple[str, str]) -> None:
    for budget in args.budgets:
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as home:
                asked = [args.data / "train.csv.gz", "--task", "translation", "--test", args.data / "test.csv.gz"]
                asked += ["--source", sides[0], "--target", sides[1], "--budget", budget, "--seed", seed]
                asked += ["--threads", args.threads, *(["--encoder", args.encoder] if args.encoder else [])]
                ran = _runs.fitted(home, *asked)
                told = ran.manifest
                said = {
                    "budget": budget, "seed": seed, "sides": "-".join(sides),
                    **{name: [round(v, 2) for v in told["test"][name]] for name in translation.METRICS},
                    "signature": told["test"]["signatures"]["bleu"], **ran.facts,
                }  # fmt: skip
                print(json.dumps(said), flush=True)


def fitted(args: argparse.Namespace, sides: tuple[str, str], seconds: float, **hyperparameters: Any) -> Any:
    """A fit of one recipe on all training rows, and the figures of it."""
    train = rows(args.data / "train.csv.gz", sides, args.rows)
    profile = DatasetProfile(len(train), 1, 1, 60.0, seconds=2 * seconds, output_kind=OutputKind.TEXT)
    first = seq2seq.portfolio(profile)[0]
    layers = {"layers": args.layers, "decoder_layers": args.layers, "tokens": args.tokens}
    recipe = Recipe.from_values(
        "seq2seq", dict(first.hyperparameters) | layers | {"width": args.width} | hyperparameters
    )
    with tempfile.TemporaryDirectory() as home:
        resources = Resources(Path(home), Deadline(seconds), args.threads)
        model = seq2seq.fit(recipe, translation.from_table(train), train, None, resources, lambda *_: True)
    weights = sum(p.numel() for p in model.network.parameters())
    return model, {"recipe": str(recipe), "steps": model.outcome.steps, "planned": model.outcome.planned,
                   "parameters": weights}  # fmt: skip


def sharing(args: argparse.Namespace, sides: tuple[str, str]) -> None:
    test = rows(args.data / "test.csv.gz", sides)
    task = translation.from_table(test)
    for shared in ("all", "none"):
        model, facts = fitted(args, sides, 60 * args.minutes, sharing=shared)
        measured = task.measure(task.encode(test), model.outputs(test))
        print(json.dumps({**facts, **{name: measured[name] for name in translation.METRICS}}), flush=True)


def speed(args: argparse.Namespace, sides: tuple[str, str]) -> None:
    import torch
    import transformers

    from penna.runtime.onnx_translator import Translator, limit_of

    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    model, facts = fitted(args, sides, 60 * args.minutes, beams=1)
    texts = rows(args.data / "test.csv.gz", sides, args.sentences).full_text.tolist()
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "artifact").mkdir()
        model.save(Path(home) / "artifact")
        model.save_checkpoint(Path(home) / "checkpoint")
        ours = Translator.open(Path(home) / "artifact", args.threads)
        theirs = transformers.EncoderDecoderModel.from_pretrained(Path(home) / "checkpoint").eval()

    def generated() -> list[list[int]]:
        out: list[list[int]] = []
        for start in range(0, len(texts), args.batch):
            ids = ours.ids(texts[start : start + args.batch])
            longest = max(map(len, ids))
            padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
            mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
            most = limit_of(longest, ours.facts)
            with torch.inference_mode():
                said = theirs.generate(input_ids=padded, attention_mask=mask, max_new_tokens=most, do_sample=False)
            out += [before_end(row) for row in said[:, 1:].tolist()]
        return out

    taken: dict[str, list[float]] = {"artifact": [], "generate": []}
    said: dict[str, list[list[int]]] = {}
    for _ in range(args.rounds):
        for name, run in (("artifact", lambda: ours.tokens(texts)), ("generate", generated)):
            begun = time.perf_counter()
            said[name] = run()
            taken[name].append(len(texts) / (time.perf_counter() - begun))
    rates = {name: round(statistics.median(each), 1) for name, each in taken.items()}
    ratio = statistics.median(a / b for a, b in zip(*taken.values(), strict=True))
    same = float(np.mean([a == b for a, b in zip(*said.values(), strict=True)]))
    mean = float(np.mean([len(row) for row in said["artifact"]]))
    figures = {
        "sentences_a_second": rates,
        "times": round(ratio, 2),
        "same_tokens": same,
        "mean_tokens": round(mean, 1),
    }
    print(json.dumps({**facts, **figures}))


def before_end(row: list[int]) -> list[int]:
    from penna.encoders.subword_tokenizer import END

    return row[: row.index(END)] if END in row else row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("curve", "sharing", "speed"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--swap", action="store_true")
    parser.add_argument("--budgets", nargs="+", default=["20m"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--encoder", default="")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=2048, help="of both sides, in a training batch")
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    {"curve": curve, "sharing": sharing, "speed": speed}[args.what](args, SIDES[::-1] if args.swap else SIDES)


if __name__ == "__main__":
    main()
