"""The encoder with its pretraining heads: transformers' modules, called so that inner depths cost little.

The word head is computed at few positions only. Knows tensors and a shape; never objectives or a clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from penna import native_calls
from penna.encoders import checkpoints, quiet_transformers
from penna.errors import EncoderError
from penna.pretraining.architecture import Shape

_BLOCKED = -30_000.0  # added to a score: its weight becomes zero in every number format, and no row becomes NaN


@dataclass(frozen=True)
class Parts:
    """The steps of a pretraining model, independent of the names of its modules."""

    embed: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (b, s) ids and types -> (b, s, hidden)
    layers: Sequence[nn.Module]  # in the order of application: a shared layer occurs many times
    words: nn.Module  # (..., hidden) -> (..., vocab) logits
    pool: Callable[[torch.Tensor], torch.Tensor]  # (b, hidden) of [CLS] -> (b, hidden)
    pair: nn.Module  # (b, hidden) -> (b, 2) logits


def _albert(model: Any) -> Parts:
    body = model.albert
    calls, groups = model.config.num_hidden_layers, body.encoder.albert_layer_groups
    # The library's own rule for the group of a call.
    called = [groups[int(call / (calls / len(groups)))] for call in range(calls)]
    return Parts(
        embed=lambda ids, types: body.encoder.embedding_hidden_mapping_in(body.embeddings(ids, token_type_ids=types)),
        layers=[layer for group in called for layer in group.albert_layers],
        words=model.predictions,
        pool=lambda first: body.pooler_activation(body.pooler(first)),
        pair=model.sop_classifier,
    )


def _bert(model: Any) -> Parts:
    body = model.bert
    return Parts(
        embed=lambda ids, types: body.embeddings(input_ids=ids, token_type_ids=types),
        layers=list(body.encoder.layer),
        words=model.cls.predictions,
        pool=lambda first: body.pooler(first[:, None]),
        pair=model.cls.seq_relationship,
    )


_PARTS = {"albert": _albert, "bert": _bert}
_MODELS = {"albert": transformers.AlbertForPreTraining, "bert": transformers.BertForPreTraining}


@dataclass(frozen=True)
class States:
    """Hidden states at one exit, and the input of its last layer."""

    depth: int
    last: torch.Tensor  # (b, s, hidden)
    before: torch.Tensor  # (b, s, hidden)
    layer: nn.Module  # the layer between the two

    def rows(self, rows: slice) -> "States":
        """Return the states of these rows."""
        return States(self.depth, self.last[rows], self.before[rows], self.layer)


class Network(nn.Module):  # type: ignore[misc]  # torch is not followed
    """An encoder with its heads. ``model`` is an AlbertForPreTraining or a BertForPreTraining of ``transformers``."""

    def __init__(self, model: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.model, self.shape = model, shape
        self.apply_layer: Callable[..., torch.Tensor] = applied  # may be replaced by a compiled one
        if shape.tied_attention:
            tie(_PARTS[shape.kind](model).layers)

    @property
    def parts(self) -> Parts:
        """The model's embeddings, layers and heads."""
        return _PARTS[self.shape.kind](self.model)

    def forward(
        self, ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None, exits: Sequence[int]
    ) -> list[States]:
        """Return the states of (b, s) ids at each of ``exits`` (ascending); ``mask`` (b, s) is False at padding."""
        parts, out = self.parts, []
        hidden = parts.embed(ids, types)
        block = None if mask is None else torch.where(mask, 0.0, _BLOCKED)[:, None, None, :].to(hidden.dtype)
        for depth, layer in enumerate(parts.layers[: exits[-1]], start=1):
            before = hidden
            hidden = self.apply_layer(layer, hidden, block)
            if depth in exits:
                out.append(States(depth, hidden, before, layer))
        return out

    def words(self, states: torch.Tensor) -> torch.Tensor:
        """Return (m, vocab) logits of (m, hidden) states."""
        logits: torch.Tensor = self.parts.words(states)
        return logits

    def pair(self, last: torch.Tensor) -> torch.Tensor:
        """Return (b, 2) logits of the sentence objective, from (b, s, hidden) states."""
        logits: torch.Tensor = self.parts.pair(self.parts.pool(last[:, 0]))
        return logits


def applied(layer: nn.Module, hidden: torch.Tensor, block: torch.Tensor | None) -> torch.Tensor:
    """Apply one layer to (b, s, hidden) states."""
    out: Any = layer(hidden, block)
    states: torch.Tensor = out[0] if isinstance(out, tuple) else out  # a tuple before transformers 5
    return states


def build(
    shape: Shape, pad: int, *, seed: int, dropout: float = 0.0, device: str = "cpu", attention: str = "sdpa"
) -> Network:
    """Return a network with random weights; on device "meta" it has shapes only.

    >>> small = build(Shape("albert", 2, 16, 2, 32, 8, 50), pad=0, seed=0)
    >>> small(torch.ones(1, 4, dtype=torch.long), torch.zeros(1, 4, dtype=torch.long), None, (1, 2))[1].last.shape
    torch.Size([1, 4, 16])
    """
    config = transformers.AutoConfig.for_model(**shape.config(), pad_token_id=pad)
    _without_text_ids(config)
    _set_dropout(config, dropout)
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(seed)
        return Network(_MODELS[shape.kind](config), shape)


def load(
    checkpoint: checkpoints.Checkpoint, shape: Shape, *, dropout: float, attention: str = "sdpa"
) -> tuple[Network, list[str]]:
    """Return a checkpoint's encoder with its heads, and the names of missing heads, which get random weights.

    Raises EncoderError if its weights do not fit its config, or if its attention is not shared as in ``shape``.
    """
    with quiet_transformers.silence(), native_calls.caught(partial(checkpoints.unloaded, checkpoint)):
        config = transformers.AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
        _set_dropout(config, dropout)
        if config.hidden_act == "gelu_new":
            config.hidden_act = "gelu_pytorch_tanh"  # the same function, fused
        model, info = _MODELS[shape.kind].from_pretrained(
            checkpoint.folder, config=config, local_files_only=True, trust_remote_code=False, dtype=torch.float32,
            use_safetensors=True, output_loading_info=True, attn_implementation=attention,
        )  # fmt: skip
    missing = sorted(info["missing_keys"])
    body = [name for name in missing if ".encoder." in name or ".embeddings." in name]
    if body or info.get("mismatched_keys"):
        lacking = body[0] if body else info["mismatched_keys"]
        raise EncoderError(f"encoder {checkpoint.name!r}: its weights do not belong to its config.json ({lacking}).")
    if shape.tied_attention:
        _check_tied(checkpoint.name, _PARTS[shape.kind](model).layers)
    return Network(model, shape), missing


def tie(layers: Sequence[Any]) -> None:
    """Give all layers the same attention module."""
    for layer in layers[1:]:
        layer.attention = layers[0].attention


def _check_tied(name: str, layers: Sequence[Any]) -> None:
    first = layers[0].attention.state_dict()
    for layer in layers[1:]:
        if any(not torch.equal(first[key], value) for key, value in layer.attention.state_dict().items()):
            raise EncoderError(f"encoder {name!r}: its layers do not share their attention: leave --layer-sharing out.")


def _without_text_ids(config: Any) -> None:
    # ALBERT's defaults are ids of its own vocabulary; other vocabularies differ, and encoders use none.
    for name in ("bos_token_id", "eos_token_id"):
        if hasattr(config, name):
            setattr(config, name, None)


def _set_dropout(config: Any, rate: float) -> None:
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = rate
    if hasattr(config, "classifier_dropout_prob"):
        # For the sentence head; fine-tuning sets its own.
        config.classifier_dropout_prob = rate


def state(network: Network, half: bool = False) -> dict[str, torch.Tensor]:
    """Return the weights as stored in a file: tied attention as copies, tied word embeddings once."""
    tied = set(getattr(network.model, "_tied_weights_keys", ()))
    dtype = torch.float16 if half else torch.float32
    return {
        name: tensor.detach().to("cpu", dtype).clone().contiguous()
        for name, tensor in network.model.state_dict().items()
        if name not in tied
    }


def write(network: Network, folder: Path, exits: Sequence[int], half: bool = False) -> None:
    """Write config.json and model.safetensors in Hugging Face form into an empty folder."""
    from copy import deepcopy

    from safetensors.torch import save_file

    from penna.encoders.config import TRAINED

    config: Any = deepcopy(network.model.config)
    config.architectures = [type(network.model).__name__]
    config.dtype = "float16" if half else "float32"
    if len(exits) > 1:
        setattr(config, TRAINED, list(exits))
    config.save_pretrained(folder)
    save_file(state(network, half), folder / "model.safetensors", metadata={"format": "pt"})
