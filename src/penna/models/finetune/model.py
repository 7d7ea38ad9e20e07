"""A fine-tuned model, in torch and as it is served. No torch at import."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export, safe_load
from penna.data.arrays import Array
from penna.data.table import Table
from penna.encoders import checkpoints, sliding_windows, tokens
from penna.encoders.config import TRAINED
from penna.encoders.sliding_windows import Framed, Framing
from penna.heads.links import SOFTMAX, Link, silent
from penna.models.shared.encoder_io import given, softmax

if TYPE_CHECKING:
    from penna.export import ServedEncoder
    from penna.networks.encoder_with_head import Network
    from penna.training import loop

#: What becomes of the graph's logits, where that is no softmax.
LINK = "link.json"
_LARGEST = 4 << 20
#: Rows scored at once.
BATCH = 64


def inputs_of(texts: tokens.Ragged, *, sides: bool = False) -> Any:
    """Return a function from row numbers to one padded batch of tensors.

    Of pairs, if requested, with their ``sides``: 1 for the tokens of the second text.
    """
    import torch

    def inputs(index: Array) -> loop.Inputs:
        ids, mask = tokens.padded(texts, index, even=True)
        types = tokens.types(texts, index, ids.shape[1])
        typed = {} if types is None else {"token_type_ids": torch.from_numpy(types)}
        if sides:
            typed["sides"] = torch.from_numpy(tokens.seconds(texts, index, ids.shape[1]))
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask), **typed}

    return inputs


def logits_of(network: Network, texts: Framed, dtype: Any) -> Array:
    """(n, columns) float32 of each text: the mean of its windows'."""
    from penna.training import loop

    found = loop.outputs(network, texts.rows.lengths, inputs_of(texts.rows), BATCH, dtype)
    return texts.mean(found.numpy())


def save_encoder(encoder: Any, checkpoint: checkpoints.Checkpoint, folder: Path) -> None:
    """Write an encoder that was trained, with its tokenizer, in Hugging Face form."""
    folder.mkdir(parents=True, exist_ok=True)
    config = encoder.config
    if hasattr(config, TRAINED):  # the depths below the one that was fine-tuned were not trained with it
        setattr(config, TRAINED, [config.num_hidden_layers * getattr(config, "inner_group_num", 1)])
    encoder.save_pretrained(folder)
    checkpoints.load_tokenizer(checkpoint).save(str(folder / "tokenizer.json"))


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A trained encoder with its head.

    Of the training rows ``long_share`` were longer than ``length`` tokens, and of ``truncated_share`` a part was not
    read.
    """

    network: Network
    checkpoint: checkpoints.Checkpoint
    framing: Framing
    long_share: float
    truncated_share: float
    cache: Path | None
    outcome: loop.Outcome
    link: Link = SOFTMAX

    @property
    def length(self) -> int:
        """Return the length in tokens."""
        return self.framing.length

    @property
    def windows(self) -> int:
        """Return the most windows of a text."""
        return self.framing.windows

    def outputs(self, table: Table) -> Array:
        """(n, columns), in the number format that is fastest here: within 2e-2 of the artifact's."""
        from penna.training import precision

        if not len(table):
            return self.link(np.zeros((0, self.network.head.out_features), np.float32), softmax)
        texts = sliding_windows.read(self.framing, self.checkpoint, table, self.cache)
        logits = logits_of(self.network, texts, precision.fastest_dtype())
        return self.link.settled(self.link(logits, softmax), silent(table))

    def save(self, folder: Path) -> None:
        """Write the ONNX graph with its tokenizer, in float32."""
        network = self.network.cpu().eval()
        head = (network.head.weight.detach().numpy(), network.head.bias.detach().numpy())
        pooling, framing = network.pooling, self.framing
        encoder = export.EncoderExport(network.encoder, self.checkpoint, self.length, head, pooling, framing)
        export.write_encoder(encoder, folder)
        if self.link != SOFTMAX:
            (folder / LINK).write_text(json.dumps(self.link.to_json()), encoding="utf-8")

    def save_checkpoint(self, folder: Path) -> None:
        """Write the weights in Hugging Face form: ``AutoModel`` opens the encoder; head.safetensors holds the head.

        The head stands apart because no classification class of transformers has this one (pooling, then one linear
        layer).
        """
        from safetensors.torch import save_file

        network: Any = self.network.cpu()
        save_encoder(network.encoder, self.checkpoint, folder)
        head = {"weight": network.head.weight.detach(), "bias": network.head.bias.detach()}
        save_file(head, folder / "head.safetensors", metadata={"pooling": network.pooling, "length": str(self.length)})


@dataclass(frozen=True, eq=False)
class ServedFinetune:
    """A fine-tuned model as it is served, and the folder that it was opened from."""

    graph: ServedEncoder
    folder: Path
    link: Link = SOFTMAX

    def outputs(self, table: Table) -> Array:
        """Return the outputs for each row of ``table``."""
        return self.link.settled(self.link(self.graph.run(given(table)), softmax), silent(table))

    def save(self, folder: Path) -> None:
        """Write a copy of what was opened."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


def open_link(folder: Path, columns: int) -> Link:
    """Return what becomes of so many columns of logits. Raises BundleError on anything damaged."""
    path = folder / LINK
    if not path.exists():
        return SOFTMAX
    with safe_load.damaged(path):
        return Link.from_json(safe_load.load_json(path, _LARGEST), columns)
