"""The artifact against the transformers text-classification pipeline: same model, texts, batch, threads, in pairs.

    python benchmarks/artifact_speed.py DATA ENCODER [--pairs 15] [--threads 2] [--albert]

DATA holds sst2/train.csv.gz; long texts are made of its rows, six to a text. ENCODER is a folder; it gets a random
head. Both sides are loaded before, run in float32 in one process, and take turns, each after a pause. --albert
measures a full-size ALBERT-base of random weights besides, with the tokenizer of ENCODER: its size on disk, too.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import transformers

from penna.encoders import checkpoints
from penna.export.onnx import encoder_export
from penna.runtime.onnx_encoder import Graph

CLASSES, LENGTH = 3, 256


def texts_of(data: Path, long: bool, most: int) -> list[str]:
    texts = pd.read_csv(data / "sst2" / "train.csv.gz", keep_default_na=False)["text"]
    if not long:
        return list(texts.sample(most, random_state=0))
    rows = texts.sample(6 * most, random_state=1, replace=True).tolist()
    return [" ".join(rows[i : i + 6]) for i in range(0, len(rows), 6)]


def full_size_albert(tokenizer: Path, folder: Path) -> Path:
    config = transformers.AlbertConfig(
        vocab_size=30_522,  # as many as the tokenizer that is lent to it
        hidden_size=768,
        num_attention_heads=12,
        intermediate_size=3072,
        num_hidden_layers=12,
    )
    transformers.AlbertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder)
    return folder


def both(encoder: Path, folder: Path, threads: int) -> tuple[Any, Graph, dict[str, Any]]:
    """The pipeline, and the artifact of the same classifier."""
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=CLASSES).eval()
    with torch.no_grad():
        model.classifier.weight *= 20  # a random head that has opinions
    # The tokenizer is read from its file: an encoder of another kind may have lent it.
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(encoder / "tokenizer.json"), pad_token="[PAD]", model_max_length=LENGTH
    )
    pipeline = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    base = model.base_model
    pooler = base.pooler.dense if hasattr(base.pooler, "dense") else base.pooler
    head = [_layer(pooler, "tanh"), _layer(model.classifier, "linear")]
    begun = time.perf_counter()
    checkpoint = checkpoints.find(str(encoder))
    difference = encoder_export.write_graph(base, checkpoint, folder, head=head, pooling="cls", length=LENGTH)
    exported = time.perf_counter() - begun
    begun = time.perf_counter()
    opened = Graph.open(folder, threads=threads)
    facts = {
        "difference_in_probability": difference,
        "export_seconds": round(exported, 2),
        "open_seconds": round(time.perf_counter() - begun, 2),
        "safetensors_mb": round((encoder / "model.safetensors").stat().st_size / 1e6, 1),
        "artifact_mb": round(sum(p.stat().st_size for p in folder.iterdir()) / 1e6, 1),
    }
    return pipeline, opened, facts


def _layer(module: Any, activation: str) -> tuple[np.ndarray, np.ndarray, str]:
    return module.weight.detach().numpy(), module.bias.detach().numpy(), activation


def pairs_of(ours: Callable[[list[str]], Any], theirs: Callable[[list[str]], Any], batches: list[list[str]]) -> Any:
    """Median milliseconds of both, and the median of their ratios."""
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    sides = {"ours": ours, "theirs": theirs}
    for number, batch in enumerate(batches):
        for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
            time.sleep(0.005)  # the threads of the other side wait busily for a while: not at the cost of this one
            sides[side](batch)  # warm, as a server is
            begun = time.perf_counter()
            sides[side](batch)
            taken[side].append((time.perf_counter() - begun) * 1e3)
    ratio = statistics.median(b / a for a, b in zip(taken["ours"], taken["theirs"], strict=True))
    return {
        "penna_ms": round(statistics.median(taken["ours"]), 2),
        "pipeline_ms": round(statistics.median(taken["theirs"]), 2),
        "times": round(ratio, 2),
    }


def measure(pipeline: Any, opened: Graph, texts: list[str], pairs: int) -> dict[str, Any]:
    def theirs(batch: list[str]) -> list[dict[str, Any]]:
        return pipeline(batch, batch_size=64, truncation=True)

    batches = [texts[64 * i : 64 * i + 64] for i in range(-(-pairs // 3))]
    for batch in batches[:1]:
        labels = [int(answer["label"].removeprefix("LABEL_")) for answer in theirs(batch)]
        assert labels == opened.run(batch).argmax(1).tolist(), "the two do not agree"
    return {
        "mean_tokens": round(float(np.mean([len(ids) for ids in opened.tokens(texts)])), 1),
        "one_text": pairs_of(opened.run, theirs, [[text] for text in texts[:pairs]]),
        "batch_of_64": pairs_of(opened.run, theirs, batches),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--albert", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as place:
        encoders = {chosen.encoder.name: chosen.encoder}
        if chosen.albert:
            encoders["albert-base, random"] = full_size_albert(chosen.encoder, Path(place) / "albert")
        for name, encoder in encoders.items():
            pipeline, opened, facts = both(encoder, Path(place) / f"{encoder.name}-artifact", chosen.threads)
            print(json.dumps({"encoder": name, **facts}), flush=True)
            for kind, long in {"short": False, "long": True}.items():
                texts = texts_of(chosen.data, long, max(64 * -(-chosen.pairs // 3), chosen.pairs))
                print(json.dumps({"texts": kind, **measure(pipeline, opened, texts, chosen.pairs)}), flush=True)


if __name__ == "__main__":
    main()
