"""Embedding throughput against SentenceTransformer.encode with its defaults: same model, texts, threads, in pairs.

    python benchmarks/embedding_speed.py DATA MODEL [--texts 2000] [--pairs 5] [--threads 2]

DATA holds sst2/train.csv.gz and banking77/train.csv.gz; long texts are made of sst2 rows, twelve to a text. Each pair
runs one after the other on the same texts, in alternating order; loading is left out on both sides. Everything that
Penna does for a table is inside its time: finding duplicates, tokenising, writing the cache.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from penna.data.table import Table
from penna.encoders import checkpoints, embeddings, tokens
from penna.training.precision import fastest_dtype


def texts_of(data: Path, name: str, most: int) -> list[str]:
    folder = "sst2" if name == "long" else name
    texts = pd.read_csv(data / folder / "train.csv.gz", keep_default_na=False)["text"]
    if name == "long":
        rows = texts.sample(12 * (most // 5), random_state=1, replace=True).tolist()
        return [" ".join(rows[i : i + 12]) for i in range(0, len(rows), 12)]
    return list(texts.sample(most, random_state=0))


def table_of(texts: list[str]) -> Table:
    return Table({"text": np.array(texts, dtype=object)}, rows=np.arange(len(texts)))


class Penna:
    """What a fit does for a table. The encoder stays loaded between calls, as on the other side."""

    def __init__(self, model: str, threads: int) -> None:
        self.checkpoint = checkpoints.find(model)
        self.dtype = str(fastest_dtype()).removeprefix("torch.")
        self.threads = threads

    def __call__(self, texts: list[str], length: int) -> np.ndarray[Any, Any]:
        with tempfile.TemporaryDirectory() as folder:
            return embeddings.embed(
                self.checkpoint,
                table_of(texts),
                depth=self.checkpoint.layers,
                length=length,
                dtype=self.dtype,
                cache=Path(folder),
                threads=self.threads,
            )


def measure(name: str, texts: list[str], penna: Penna, other: Any, pairs: int) -> dict[str, Any]:
    length = other.max_seq_length
    taken: dict[str, list[float]] = {"penna": [], "other": []}
    runs = {"penna": lambda: penna(texts, length), "other": lambda: other.encode(texts, show_progress_bar=False)}
    results = {side: run() for side, run in runs.items()}  # also the warm-up
    cosine = np.sum(results["penna"] * results["other"], axis=1) / (
        np.linalg.norm(results["penna"], axis=1) * np.linalg.norm(results["other"], axis=1)
    )
    for pair in range(pairs):
        for side in ("penna", "other") if pair % 2 else ("other", "penna"):
            begun = time.perf_counter()
            runs[side]()
            taken[side].append(time.perf_counter() - begun)
    ratios = [b / a for a, b in zip(taken["penna"], taken["other"], strict=True)]
    lengths = tokens.tokenise(penna.checkpoint, table_of(texts), length, None).lengths
    return {
        "texts": name,
        "rows": len(texts),
        "mean_tokens": round(float(lengths.mean()), 1),
        "penna_texts_per_second": round(len(texts) / statistics.median(taken["penna"]), 1),
        "sentence_transformers_texts_per_second": round(len(texts) / statistics.median(taken["other"]), 1),
        "median_ratio": round(statistics.median(ratios), 2),
        "ratios": [round(r, 2) for r in ratios],
        "smallest_cosine": round(float(cosine.min()), 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(asked.threads)
    penna, other = Penna(asked.model, asked.threads), SentenceTransformer(asked.model, device="cpu")
    # A plain Hugging Face folder lets sentence-transformers read whole 512-token texts: both sides cut at 256.
    other.max_seq_length = 256
    for name in ("sst2", "banking77", "long"):
        print(json.dumps(measure(name, texts_of(asked.data, name, asked.texts), penna, other, asked.pairs)), flush=True)


if __name__ == "__main__":
    main()
