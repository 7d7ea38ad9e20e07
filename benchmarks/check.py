"""Planted faults, and how many of them ``penna check`` names; then its seconds and memory on many rows.

    python benchmarks/check.py --data DATA --sets sst2 banking77 [--encoder FOLDER] [--rows 2000] [--seeds 0 1 2]
    python benchmarks/check.py --speed 100000

DATA holds a folder for each set with train.csv.gz (columns text, label). Into each go, all at once: 10 % flipped
labels, 5 % copies of other rows (half of them with other case, signs or a word less), 3 % mojibake, 5 % HTML, and
next to two harmless columns one that gives the label away. Real data has such faults of its own, so the untouched file
is checked, too: "net" precision leaves out the rows that were named there. Bars: precision and recall at least 0.8
each, flipped labels at least 0.6 and 0.5; 100,000 rows of 50 words within 60 s and 2 GB.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

#: Fault -> the kinds of findings that name it.
KINDS = {
    "flipped labels": ("wrong label",),
    "duplicates": ("repeated text", "near duplicates"),
    "mojibake": ("broken encoding",),
    "HTML": ("markup",),
}
BARS = {"flipped labels": (0.6, 0.5)}
_SYLLABLES = ("ka", "lo", "mi", "ren", "tu", "sa", "vor", "el", "pin", "da", "shu", "gra", "no", "be", "fy", "wil")


def planted(clean: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, dict[str, set[int]]]:
    """The table with faults, and for each fault its row numbers (the first row is 1)."""
    rng = np.random.default_rng(seed)
    n, made = len(clean), clean.copy().reset_index(drop=True)
    order = rng.permutation(n)
    broken, marked, copied = np.split(order[: round(0.13 * n)], [round(0.03 * n), round(0.08 * n)])
    made.loc[broken, "text"] = [mojibake(text, rng) for text in made.text[broken]]
    made.loc[marked, "text"] = [markup(text, rng) for text in made.text[marked]]
    copies = made.iloc[copied].copy()
    copies["text"] = [text if i % 2 else nearly(text, rng) for i, text in enumerate(copies.text)]
    made = pd.concat([made, copies], ignore_index=True)
    made["ticket"] = "T" + pd.Series(pd.factorize(made.label)[0] * 7 + 100).astype(str)  # from the true label
    made["shop"] = rng.choice(["north", "south", "east", "west"], len(made))
    made["amount"] = rng.lognormal(3, 1, len(made)).round(2)
    flipped = rng.choice(n, round(0.1 * n), replace=False)
    classes = made.label.unique()
    made.loc[flipped, "label"] = [rng.choice(classes[classes != label]) for label in made.label[flipped]]
    truth = {"flipped labels": flipped, "duplicates": np.arange(n, len(made)), "mojibake": broken, "HTML": marked}
    return made, {fault: set((rows + 1).tolist()) for fault, rows in truth.items()}


def mojibake(text: str, rng: np.random.Generator) -> str:
    """Curly quotes or accents as UTF-8 has them, read as Windows-1252."""
    words = text.split() or ["so"]
    at = int(rng.integers(len(words)))
    added = rng.choice(["“{}”", "{}’s", "{} – that is", "{} café", "{} déjà vu", "{} über", "{}…"])
    words[at] = str(added).format(words[at])
    return " ".join(words).encode().decode("cp1252", "replace")


def markup(text: str, rng: np.random.Generator) -> str:
    words = text.split() or ["so"]
    at = int(rng.integers(len(words)))
    added = rng.choice(
        ["<b>{}</b>", "{}<br />", '<a href="http://x.org">{}</a>', "{}&nbsp;", "<p>{}</p>", "&quot;{}&quot;"]
    )
    words[at] = str(added).format(words[at])
    return " ".join(words)


def nearly(text: str, rng: np.random.Generator) -> str:
    words = text.split()
    kind = rng.integers(3)
    if kind == 0 and len(words) >= 12:
        del words[int(rng.integers(len(words)))]
        return " ".join(words)
    return text.upper() if kind == 1 else f" {text.rstrip('.!? ')} !!"


def check(table: pd.DataFrame, encoder: str, budget: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        table.to_csv(file, index=False)
        command = [sys.executable, "-m", "penna", "check", str(file), "--target", "label", "--text", "text"]
        command += ["--budget", budget, "--json", *(["--encoder", encoder] if encoder else [])]
        started = time.monotonic()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return {**json.loads(done.stdout), "wall": time.monotonic() - started}


def named(found: dict[str, Any], kinds: Iterable[str]) -> set[int]:
    return {row for f in found["findings"] if f["kind"] in kinds and f["source"] == "data" for row in f["rows"]}


def measure(args: argparse.Namespace, name: str, seed: int) -> None:
    clean = pd.read_csv(Path(args.data) / name / "train.csv.gz", keep_default_na=False, dtype=str)[["text", "label"]]
    if args.rows:
        clean = clean.sample(min(args.rows, len(clean)), random_state=seed).reset_index(drop=True)
    dirty, truth = planted(clean, seed)
    before, after = check(clean, args.encoder, args.budget), check(dirty, args.encoder, args.budget)
    for fault, rows in truth.items():
        said, own = named(after, KINDS[fault]), named(before, KINDS[fault])
        hits = len(said & rows)
        # A label that was flipped is a fault whether or not the row was doubted before.
        net = hits / max(len((said - own) | (said & rows)), 1)
        precision, recall = hits / max(len(said), 1), hits / len(rows)
        asked, reached = BARS.get(fault, (0.8, 0.8)), (precision if fault in BARS else net, recall)
        verdict = "yes" if all(a >= b for a, b in zip(reached, asked, strict=True)) else "NO"
        cells = [name, seed, fault, len(rows), len(said), len(own), f"{precision:.3f}", f"{net:.3f}", f"{recall:.3f}"]
        print("| " + " | ".join(map(str, [*cells, verdict])) + " |", flush=True)
    leaks = {c for f in after["findings"] if f["kind"] == "leaking column" for c in f["columns"]}
    verdict = "yes" if leaks == {"ticket"} else "NO"
    print(f"| {name} | {seed} | leaking column | 1 | {len(leaks)} | | {', '.join(sorted(leaks))} | | | {verdict} |")
    print(f"  {after['wall']:.1f} s; models: {'; '.join(after['models'])}; skipped: {after['skipped']}", flush=True)


def many(rows: int) -> pd.DataFrame:
    """Texts of 50 made-up words, a few of which belong to the class; some copies, some empty, some in capitals."""
    rng = np.random.default_rng(0)
    words = np.array([a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES], dtype=object)
    labels = rng.integers(0, 4, rows)
    # Cubes of uniform numbers: some words are common, most are rare, as in a language.
    picked = (rng.random((rows, 50)) ** 3 * len(words)).astype(int)
    picked[:, ::10] = labels[:, None] * 60 + rng.integers(0, 90, (rows, 5))
    texts = [" ".join(words[row]) for row in picked]
    for i in range(0, rows, 50):
        texts[i] = texts[i // 2].upper()
    columns = {"shop": rng.integers(0, 30, rows), "amount": rng.lognormal(3, 1, rows), "id": np.arange(rows)}
    return pd.DataFrame({"text": texts, "label": labels, **columns})


def speed(rows: int, budget: str) -> None:
    found = check(many(rows), "", budget)
    gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"{rows:,} rows of 50 words: {found['wall']:.1f} s, peak {gigabytes:.2f} GB")
    print(f"  models: {'; '.join(found['models'])}; skipped: {found['skipped']}")
    for f in found["findings"]:
        print(f"  {f['severity']}: {f['message']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--sets", nargs="+", default=["sst2", "banking77"])
    parser.add_argument("--encoder", default="")
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--rows", type=int, default=0, help="use so many rows of each set; all if not given")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--speed", type=int, default=0, metavar="ROWS")
    args = parser.parse_args()
    if args.speed:
        speed(args.speed, args.budget)
        return
    print("| set | seed | fault | planted | named | named before | precision | net | recall | bar |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in args.sets:
        for seed in args.seeds:
            measure(args, name, seed)


if __name__ == "__main__":
    main()
