"""Our pretraining step against transformers.Trainer with AlbertForMaskedLM and its stock collator, in pairs within one
run: same measures, same texts, as many rows a batch, masked words alone. Needs the extra "bench".

    python benchmarks/pretraining_speed.py corpus-tiny.jsonl.xz --steps 20 --pairs 3 --threads 2

All texts are about as long as --length, so no side gains by padding less; tokens are counted without padding. MFU is
the arithmetic that a token needs, times tokens a second, over the rate of matrix products, measured in the same number
format before each turn. What a token needs is counted alike for all (penna.pretraining.flops): layers, attention over
the mean length, and the word head at the masked places alone. The Trainer computes that head at every place; the
surplus does not count as use. "Trainer" is as it comes, in float32; "Trainer, bf16" is the same with bf16=True.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from penna.pretraining import architecture, shards, vocabulary
from penna.pretraining.architecture import Shape
from penna.pretraining.batch import Batch
from penna.pretraining.segments import Segments
from penna.pretraining.settings import Settings
from penna.pretraining.vocabulary import Vocabulary
from pretraining import shared

RATE = 0.15


@dataclass(frozen=True)
class Rows:
    """Batches of the same number of rows, by number."""

    examples: list[list[int]]
    rows: int
    pad: int

    def batch(self, number: int) -> Batch:
        mine = self.examples[number * self.rows : (number + 1) * self.rows]
        lengths = np.array([len(ids) for ids in mine])
        ids = np.full((len(mine), lengths.max()), self.pad, np.int32)
        ids[np.arange(ids.shape[1]) < lengths[:, None]] = np.concatenate(mine)
        return Batch(ids, np.zeros(ids.shape, np.int8), lengths, np.full(len(mine), -1))


def text(args: argparse.Namespace) -> tuple[Vocabulary, Rows]:
    """The vocabulary and the batches of all steps, made where they are missing."""
    folder, cache = shared(args.corpus, args.work, args.vocab)
    words = vocabulary.load(folder)
    tokens = shards.build([str(args.corpus)], words, cache)
    how = {"length": args.length, "batch_tokens": 32 * args.length, "pairing": "none", "short": 0.0, "seed": 0}
    segments = Segments(tokens, words, **how)  # type: ignore[arg-type]
    found: list[list[int]] = []
    for number in count():
        batch = segments.batch(number)
        found += [ids[:n].tolist() for ids, n in zip(batch.ids, batch.lengths, strict=True) if n >= 0.9 * args.length]
        if len(found) >= args.steps * args.rows:
            return words, Rows(found[: args.steps * args.rows], args.rows, words.pad)
    raise AssertionError


class Ours:
    """``penna.pretraining``'s loop with the objective mlm; nothing is written."""

    def __init__(self, shape: Shape, words: Vocabulary, rows: Rows, threads: int) -> None:
        import torch

        from penna.pretraining import network, setup
        from penna.pretraining.source import Source

        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        asked = Settings(mask_rate=str(RATE), steps=1, max_seq_length=shape.positions, threads=threads)
        self.settings = setup.resolved(asked, device)
        self.goals = setup.goals(self.settings, shape, words, device)
        how = setup.attention(self.settings)
        self.network = network.build(shape, words.pad, seed=0, attention=how).to(device)
        self.source = Source(rows, self.goals, pinned=device.type == "cuda")
        self.compiled = False

    def __call__(self, steps: int) -> float:
        """Seconds."""
        from penna.pretraining import compile_probe, loop
        from penna.pretraining.schedule import Clock, Exits

        layers = self.network.shape.layers
        plan = loop.Plan(lr=1e-4, dtype=self.settings.dtype, log_steps=steps)  # type: ignore[arg-type]
        clock = Clock(steps, None, started=time.monotonic())
        training = loop.Training(
            self.network, self.source, Exits((layers,)), plan, clock, lambda training: None, lambda line: None
        )
        if not self.compiled:
            print(f"Penna: {compile_probe.settle(self.network, 'auto', training.probe, training.device)}", flush=True)
            self.compiled = True
        begun = time.perf_counter()
        training.all()  # the last line of its log waits for the GPU
        return time.perf_counter() - begun


class Theirs:
    """transformers.Trainer as it comes, but for the number of steps; with the fast tokenizer of the same folder."""

    def __init__(self, shape: Shape, folder: Path, rows: Rows, bf16: bool) -> None:
        import torch
        import transformers

        names = {**shape.config(), "hidden_act": "gelu_new"}  # ALBERT's own function as the library computes it
        names.pop("model_type")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        config = transformers.AlbertConfig(**names, pad_token_id=self.tokenizer.pad_token_id)
        torch.manual_seed(0)
        self.model = transformers.AlbertForMaskedLM(config)
        self.examples, self.rows, self.bf16 = [{"input_ids": ids} for ids in rows.examples], rows.rows, bf16

    def __call__(self, steps: int) -> float:
        """Seconds."""
        import torch
        import transformers

        collator = transformers.DataCollatorForLanguageModeling(self.tokenizer, mlm_probability=RATE)
        with tempfile.TemporaryDirectory() as folder:
            options = transformers.TrainingArguments(
                folder,
                max_steps=steps,
                per_device_train_batch_size=self.rows,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                use_cpu=not torch.cuda.is_available(),
                bf16=self.bf16,
            )
            run = transformers.Trainer(self.model, options, data_collator=collator, train_dataset=self.examples)
            run.remove_callback(transformers.PrinterCallback)
            begun = time.perf_counter()
            run.train()
            return time.perf_counter() - begun


def rate(dtype: str) -> float:
    """FLOP/s of matrix products here and now."""
    import torch

    from penna.pretraining import flops as pace
    from penna.training import precision

    precision.gemm_rates.cache_clear()
    pace.product_rate.cache_clear()
    return pace.product_rate(dtype, "cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]


def needed(shape: Shape, length: float) -> float:
    """FLOP of a training step for one token."""
    from penna.pretraining import flops as pace

    return pace.training_flops(pace.forward_flops(shape, length, shape.layers, RATE))


def measure(contenders: dict[str, tuple[Callable[[int], float], str]], args: Any, tokens: int, flops: float) -> None:
    """Each in turn, so many times; ratios are within one turn."""
    for run, _ in contenders.values():  # the first steps pay for setting up
        run(2)
    paces: dict[str, list[float]] = {name: [] for name in contenders}
    mfus: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(args.pairs):
        for name, (run, dtype) in list(contenders.items())[:: 1 if turn % 2 else -1]:
            time.sleep(0.005)  # the threads of the one before wait busily for a while
            product = rate(dtype)
            paces[name].append(tokens / run(args.steps))
            mfus[name].append(paces[name][-1] * flops / product)
            print(
                f"{name:14} tokens/s={paces[name][-1]:9,.0f} MFU={mfus[name][-1]:.3f} "
                f"({dtype}, products {product / 1e9:,.0f} GFLOP/s)",
                flush=True,
            )
    table(paces, mfus)


def table(paces: dict[str, list[float]], mfus: dict[str, list[float]]) -> None:
    """Medians over turns, and Penna's pace over each one's, within a turn."""
    print("\n<!-- table: speed -->\n| | tokens/s | MFU | Penna is faster by |\n|---|---|---|---|")
    for name, mine in paces.items():
        ratios = [a / b for a, b in zip(paces["Penna"], mine, strict=True)]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if name != "Penna" else ""
        print(f"| {name} | {statistics.median(mine):,.0f} | {statistics.median(mfus[name]):.1%} | {told} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--vocab", type=int, default=8000)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rows", type=int, default=32, help="of a batch")
    parser.add_argument("--steps", type=int, default=20, help="of each turn")
    parser.add_argument("--pairs", type=int, default=3, help="turns")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "penna-pretraining")
    args = parser.parse_args()

    import torch
    import transformers

    from penna.training import precision

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(args.threads)
    words, rows = text(args)
    heads = args.hidden // (64 if args.hidden >= 512 else 32)  # as the sizes by name have them
    shape = architecture.shape("albert", "mini", layers=args.layers, hidden=args.hidden, heads=heads)
    shape = replace(shape, vocab=words.size, positions=args.length)
    tokens = sum(map(len, rows.examples))
    flops = needed(shape, tokens / len(rows.examples))
    print(f"{tokens / len(rows.examples):.1f} tokens a text, {flops / 1e6:.1f} MFLOP a token and step", flush=True)
    folder = args.work / f"tokenizer-{args.vocab}"
    ours = Ours(shape, words, rows, args.threads)
    contenders: dict[str, tuple[Callable[[int], float], str]] = {
        "Penna": (ours, str(ours.settings.dtype)),
        "Trainer": (Theirs(shape, folder, rows, bf16=False), "float32"),
    }
    if precision.fastest_dtype() == "bfloat16":
        contenders["Trainer, bf16"] = (Theirs(shape, folder, rows, bf16=True), "bfloat16")
    measure(contenders, args, tokens, flops)


if __name__ == "__main__":
    main()
