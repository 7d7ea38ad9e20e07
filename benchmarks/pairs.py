"""Fine-tuning an encoder on pairs of texts: one input with token types, one head. Used by encoders.py; no script.

mrpc asks for one of two classes (accuracy), stsb for an amount (Spearman's rank correlation).
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.stats
import torch
from torch import nn

from penna.data.arrays import Array
from penna.encoders import checkpoints
from penna.networks import encoder_with_head
from penna.training import batches, loop, optimizer, precision

SETS = {"mrpc": "accuracy", "stsb": "spearman"}
LENGTH = 128


@dataclass(frozen=True)
class How:
    """The recipe. ``pooling``: "mean" over the whole input, or "sides": u, v, |u - v| and u * v of its two texts.

    ``start``: the head begins as a linear regression on the untrained encoder's output, as Penna's family can begin.
    """

    lr: float = 1e-4
    epochs: float = 4.0
    batch: int = 32
    dropout: float = 0.1
    warmup: float = 0.1
    pooling: str = "mean"
    start: bool = False


@dataclass(frozen=True)
class Pairs:
    """Inputs of many lengths, and class numbers, or amounts from 0 to 1."""

    ids: list[list[int]]
    types: list[list[int]]
    y: Array
    pad: int

    @property
    def lengths(self) -> Array:
        return np.array([len(ids) for ids in self.ids])

    def batch(self, index: Array) -> dict[str, torch.Tensor]:
        """(b, m) ids, types and mask."""
        longest = max(len(self.ids[i]) for i in index)
        ids = np.full((len(index), longest), self.pad, np.int64)
        types, mask = np.zeros_like(ids), np.zeros_like(ids)
        for row, i in enumerate(index):
            count = len(self.ids[i])
            ids[row, :count], types[row, :count], mask[row, :count] = self.ids[i], self.types[i], 1
        return {"input_ids": torch.from_numpy(ids), "types": torch.from_numpy(types), "mask": torch.from_numpy(mask)}


class Judge(nn.Module):  # type: ignore[misc]
    """Two texts in, (rows, outputs) out."""

    def __init__(self, encoder: nn.Module, width: int, outputs: int, how: How) -> None:
        super().__init__()
        self.encoder, self.pooling, self.dropout = encoder, how.pooling, nn.Dropout(how.dropout)
        self.head = nn.Linear(width * (4 if how.pooling == "sides" else 1), outputs)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        if self.pooling == "mean":
            pooled = _mean(states, mask)
        else:
            u, v = _mean(states, mask * (1 - types)), _mean(states, mask * types)
            pooled = torch.cat([u, v, (u - v).abs(), u * v], -1)
        out: torch.Tensor = self.head(self.dropout(pooled))
        return out


def _mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weight = mask.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)


def read(checkpoint: checkpoints.Checkpoint, data: Path, name: str, part: str) -> Pairs:
    frame = pd.read_csv(data / name / f"{part}.csv.gz", keep_default_na=False)
    tokenizer = checkpoints.load_tokenizer(checkpoint)
    tokenizer.enable_truncation(min(LENGTH, checkpoint.max_length))
    cut = tokenizer.encode_batch(list(zip(frame["sentence1"], frame["sentence2"], strict=True)))
    y = frame["score"].to_numpy(np.float32) / 5 if "score" in frame else (frame["label"] == "paraphrase").to_numpy()
    return Pairs([e.ids for e in cut], [e.type_ids for e in cut], y, checkpoint.pad)


def finetuned(
    checkpoint: checkpoints.Checkpoint, depth: int, data: Path, name: str, how: How, seed: int, rows: int | None
) -> dict[str, float]:
    """The measure of ``name`` on its test rows after training on its train rows (at most ``rows``), and the seconds."""
    train, test = (read(checkpoint, data, name, part) for part in ("train", "test"))
    encoder = checkpoints.load_module(checkpoint, depth=depth, dropout=how.dropout)
    encoder_with_head.quicken(encoder, precision.device())
    begun = time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Judge(encoder, checkpoint.width, 1 if name == "stsb" else 2, how).to(precision.device())
        if how.start:
            start(judge, train, np.random.default_rng(seed).permutation(len(train.y))[:rows])
        learn(judge, train, how, seed, rows)
    seconds = time.monotonic() - begun
    with torch.inference_mode():
        told = answers(judge.eval(), test, np.arange(len(test.y)))
    if name == "stsb":
        score = float(scipy.stats.spearmanr(told[:, 0], test.y).statistic)
    else:
        score = float((told.argmax(1) == test.y).mean())
    return {"score": score, "seconds": round(seconds, 1)}


def start(judge: Judge, train: Pairs, index: Array) -> None:
    """Give the head a regression on what the encoder says as it is: a random one first drags it the wrong way."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    head, judge.head = judge.head, nn.Identity()
    with torch.inference_mode():
        x = answers(judge.eval(), train, index)
    judge.head = head
    scale = StandardScaler().fit(x)
    strict = 0.01  # it must leave the encoder something to learn
    model = Ridge(1 / strict) if head.out_features == 1 else LogisticRegression(C=strict, max_iter=300)
    model.fit(scale.transform(x), train.y[index])
    weight = np.atleast_2d(model.coef_) / scale.scale_
    bias = np.atleast_1d(model.intercept_) - weight @ scale.mean_
    if head.out_features == 2:  # one row for the difference of two classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def learn(judge: Judge, train: Pairs, how: How, seed: int, rows: int | None) -> None:
    """AdamW, its rate up over the warm-up and then down to zero; cross-entropy, or the squared error of amounts."""
    kept = np.random.default_rng(seed).permutation(len(train.y))[:rows]
    steps = math.ceil(how.epochs * len(kept) / how.batch)
    adamw = optimizer.adamw(judge, optimizer.Rates(body=how.lr))
    device, dtype = precision.device(), precision.fastest_dtype()
    judge.train()
    for step, index in zip(range(steps), batches.endless(train.lengths[kept], how.batch, seed), strict=False):
        optimizer.set_rates(adamw, optimizer.height((step + 0.5) / steps, how.warmup, "linear"))
        inputs = {name: tensor.to(device) for name, tensor in train.batch(kept[index]).items()}
        with loop.autocast(device, dtype):
            out = judge(**inputs)
        y = torch.from_numpy(train.y[kept[index]]).to(device)
        if out.shape[1] == 1:
            loss = nn.functional.mse_loss(out[:, 0].float(), y)
        else:
            loss = nn.functional.cross_entropy(out.float(), y.long())
        loss.backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad()


def answers(judge: Judge, pairs: Pairs, index: Array) -> Array:
    """(n, outputs) of the rows at these places, in this order."""
    cuts = batches.ordered(pairs.lengths[index], 64)
    device = precision.device()
    told = []
    for cut in cuts:
        inputs = {name: tensor.to(device) for name, tensor in pairs.batch(index[cut]).items()}
        with loop.autocast(device, precision.fastest_dtype()):
            told.append(judge(**inputs).float().cpu().numpy())
    out = np.empty((len(index), told[0].shape[1]), np.float32)
    out[np.concatenate(cuts)] = np.concatenate(told)
    return out
