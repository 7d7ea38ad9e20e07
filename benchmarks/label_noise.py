"""Wrong labels: what plain training loses by them, and how much of that ``--label-noise auto`` wins back.

    python benchmarks/label_noise.py --data DATA --sets sst2 banking77 --budget 5m --seeds 0 1 2 --out n.jsonl
    python benchmarks/label_noise.py --data DATA --sets sst2 --budget 1m --encoder FOLDER --families linear,frozen
    python benchmarks/label_noise.py --data DATA --encoder FOLDER --hand --fits --out n.jsonl
    python benchmarks/label_noise.py --data DATA --encoder FOLDER --garbled 0.1
    python benchmarks/label_noise.py --table n.jsonl

DATA holds a folder for each set with train.csv.gz and test.csv.gz (columns text, label). ``--flipped`` is the share of
training labels that become another class's, evenly; the test file, which is the test set, keeps its own. One line of
JSON a fit: clean labels, flipped ones kept as they are, and flipped ones with what Penna does about them. ``--hand``
trains TF-IDF and, with an encoder, its frozen embeddings under a logistic regression tuned by 5-fold CV on the same
labels. ``--garbled`` makes that share of the training texts noise (as many words, drawn from all texts) and prints what
these pipelines score with such rows and without them: what could be won by leaving odd texts out."""

from typing import Any

import numpy as np
import pandas as pd

import _runs
import scores

#: Pipelines written by hand.
PLAIN = ("tfidf_logistic", "frozen_logistic")
#: What is fitted: whether labels are flipped, and what becomes of doubtful rows.
FITS = ((False, "keep"), (False, "auto"), (True, "keep"), (True, "auto"))


def flipped(frame: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names, codes = np.unique(frame.label, return_inverse=True)
    wrong = rng.random(len(frame)) < share
    codes[wrong] = (codes[wrong] + rng.integers(1, len(names), wrong.sum())) % len(names)
    return frame.assign(label=names[codes])


def garbled(frame: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, Any]:
    """The rows, some of them with a text of noise; and which these are."""
    rng = np.random.default_rng(seed)
    words, odd = np.array(" ".join(frame.text).split(), dtype=object), rng.random(len(frame)) < share
    noise = [" ".join(rng.choice(words, max(1, len(text.split())))) for text in frame.text[odd]]
    made = frame.copy()
    made.loc[odd, "text"] = noise
    return made, odd


def odd_texts(args: Any) -> None:
    for name in args.sets:
        for seed in args.seeds:
            train, test = (_runs.rows(args.data, name, part)[["text", "label"]] for part in ("train", "test"))
            rows, odd = garbled(train, args.garbled, seed)
            for how, some in (("kept", rows), ("left out", rows[~odd])):
                found = scores.classes_by_hand(some, test, "accuracy", args.encoder)
                print(f"{name} seed {seed}, {args.garbled:.0%} of texts garbled and {how}: {found}", flush=True)


def table(lines: list[dict[str, Any]]) -> None:
    by_hand = pd.DataFrame(
        [{**line, **line["by_hand"]} for line in lines if "by_hand" in line], columns=["set", "flipped", *PLAIN]
    )
    frame = pd.DataFrame([line for line in lines if "by_hand" not in line])
    mean = frame.groupby(["set", "flipped", "noise"], sort=False).score.mean()
    heads = ["clean, kept", "clean, auto", "flipped, kept", "flipped, auto", "lost by keeping", "lost by auto", "share"]
    print("| " + " | ".join(["set", *heads, *(f"lost by {kind}" for kind in PLAIN), "auto, of the first"]) + " |")
    print("|---" * (len(heads) + len(PLAIN) + 2) + "|")
    for name in dict.fromkeys(frame["set"]):
        clean, tried, kept, auto = (float(mean.get((name, *fit), np.nan)) for fit in FITS)
        lost, left = clean - kept, clean - auto
        cells = [f"{score:.4f}" for score in (clean, tried, kept, auto, lost, left)]
        plain = by_hand[by_hand["set"] == name].groupby("flipped")[list(PLAIN)].mean().diff().iloc[1:]
        losses = [-float(loss) for loss in plain.to_numpy().ravel()] or [np.nan] * len(PLAIN)
        cells += [f"{100 * left / lost:.0f} %", *(f"{loss:.4f}" for loss in losses), f"{100 * left / losses[0]:.0f} %"]
        print("| " + " | ".join([name, *cells]) + " |")
    print("\nbar: auto loses at most 60 % of what plain training (the pipelines written by hand) loses")


def main() -> None:
    parser = _runs.parser(__doc__, "label_noise.jsonl", budget="5m")
    parser.add_argument("--sets", nargs="+", default=["sst2", "banking77"])
    parser.add_argument("--flipped", type=float, default=0.2)
    parser.add_argument("--families", default="")
    parser.add_argument("--hand", action="store_true", help="run the pipelines written by hand")
    parser.add_argument("--garbled", type=float, default=0.0, help="share of training texts that become noise")
    parser.add_argument("--fits", nargs="*", type=int, default=[0, 1, 2, 3], help="numbers of the fits to make")
    args = parser.parse_args()
    if args.table:
        table(_runs.read(args.table))
        return
    if args.garbled:
        odd_texts(args)
        return
    lines = _runs.Lines(args.out)
    families = {"families": tuple(args.families.split(","))} if args.families else {}
    for name in args.sets:
        for seed in args.seeds:
            train, test = (_runs.rows(args.data, name, part)[["text", "label"]] for part in ("train", "test"))
            for flip in (False, True) if args.hand else ():
                wrong = flipped(train, args.flipped * flip, seed)
                found = scores.classes_by_hand(wrong, test, "accuracy", args.encoder)
                lines.add({"set": name, "seed": seed, "flipped": flip, "by_hand": found})
            for flip, noise in (FITS[i] for i in args.fits):
                auto = _runs.auto(args, seed, metric="accuracy", label_noise=noise, **families)
                fitted = auto.fit(flipped(train, args.flipped * flip, seed), y="label", test=test)
                manifest = fitted.bundle_.manifest
                lines.add({
                    "set": name, "seed": seed, "flipped": flip, "noise": noise, "budget": args.budget,
                    "score": round(fitted.test_scores_["accuracy"][0], 4), "recipe": manifest["recipe"],
                    "doubted": manifest.get("doubted", ""), "trials": len(fitted.trials_),
                })  # fmt: skip


if __name__ == "__main__":
    main()
