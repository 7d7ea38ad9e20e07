"""The encoder-decoder of family ``seq2seq``: transformers' modules; the output layer sees no padding.

Knows tensors and sizes; never a table.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from penna.encoders import checkpoints, quiet_transformers, subword_tokenizer
from penna.encoders.checkpoints import Checkpoint

#: The standard deviation of new weights.
_SPREAD = 0.02


@dataclass(frozen=True)
class Shape:
    """The dimensions of a network. ``source`` and ``target`` are vocabulary sizes, of one vocabulary if ``joint``.

    A head has 64 units, or more if the width of a checkpoint requires it. Feed-forward blocks are four times as wide
    as the layers.
    """

    width: int
    encoder_layers: int
    decoder_layers: int
    share_encoder: bool
    share_decoder: bool
    tied: bool
    joint: bool
    source: int
    target: int
    source_length: int
    target_length: int

    @property
    def heads(self) -> int:
        """The number of attention heads."""
        return next(heads for heads in range(max(1, self.width // 64), 0, -1) if self.width % heads == 0)


class Network(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Takes ids and masks of both sides, and returns (target tokens, vocabulary) logits of all rows."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.head = model.decoder  # its weights have their own learning rate, as in every head
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, before: torch.Tensor, real: torch.Tensor
    ) -> torch.Tensor:
        """Return logits of the tokens that follow ``before`` (b, t) int64; ``real`` (b, t) bool is False at padding.

        Padding comes last, so a causal decoder needs no mask for it.
        """
        encoded = self.model.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        decoded = self.model.decoder.bert(
            input_ids=before, encoder_hidden_states=encoded, encoder_attention_mask=attention_mask, use_cache=False
        ).last_hidden_state
        logits: torch.Tensor = self.model.decoder.cls(decoded[real])
        return logits


def build(shape: Shape, checkpoint: Checkpoint | None, dropout: float, seed: int) -> Network:
    """Return a network with random weights; with ``checkpoint`` its encoder is that checkpoint.

    A new encoder is an ALBERT if its layers are shared, else a BERT. The decoder is a BERT with cross-attention.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if checkpoint is None:
            encoder: Any = _encoder(shape, dropout)
        else:
            encoder = checkpoints.load_module(checkpoint, dropout=dropout)
        decoder = transformers.BertLMHeadModel(_decoder(shape, dropout))
        if shape.share_decoder:
            layers = decoder.bert.encoder.layer
            decoder.bert.encoder.layer = nn.ModuleList([layers[0]] * len(layers))
        model = transformers.EncoderDecoderModel(encoder=encoder, decoder=decoder)
    _tie(model, shape)
    _attend(model, torch.device("cpu"))
    return Network(model)


def _encoder(shape: Shape, dropout: float) -> Any:
    sizes = _sizes(shape, dropout) | {
        "vocab_size": shape.source,
        "num_hidden_layers": shape.encoder_layers,
        "max_position_embeddings": shape.source_length,
    }
    if shape.share_encoder:
        config = transformers.AlbertConfig(embedding_size=shape.width, hidden_act="gelu", **sizes)
        return transformers.AlbertModel(config, add_pooling_layer=False)
    return transformers.BertModel(transformers.BertConfig(**sizes), add_pooling_layer=False)


def _decoder(shape: Shape, dropout: float) -> Any:
    return transformers.BertConfig(
        vocab_size=shape.target,
        num_hidden_layers=shape.decoder_layers,
        max_position_embeddings=shape.target_length,
        is_decoder=True,
        add_cross_attention=True,
        tie_word_embeddings=shape.tied,
        **_sizes(shape, dropout),
    )


def _sizes(shape: Shape, dropout: float) -> dict[str, Any]:
    return {
        "hidden_size": shape.width,
        "num_attention_heads": shape.heads,
        "intermediate_size": 4 * shape.width,
        "hidden_dropout_prob": dropout,
        # One random number for each pair of tokens: a quarter of a step on a CPU.
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": _SPREAD,
        "type_vocab_size": 1,
        "pad_token_id": subword_tokenizer.PAD,
        "bos_token_id": subword_tokenizer.BEGIN,
        "eos_token_id": subword_tokenizer.END,
    }


def _tie(model: Any, shape: Shape) -> None:
    """Tie the decoder's input and output embeddings, and with a joint vocabulary the encoder's embeddings."""
    words = model.decoder.bert.embeddings.word_embeddings
    if shape.tied:
        model.decoder.cls.predictions.decoder.weight = words.weight
    if shape.joint:
        model.encoder.get_input_embeddings().weight = words.weight


def _attend(model: Any, device: torch.device) -> None:
    """Use plain attention on a CPU: the backward pass of the fused one is slower (``encoder_with_head.quicken``)."""
    how = "eager" if device.type == "cpu" else "sdpa"
    for module in model.modules():  # the library's own setter misses existing layers
        if hasattr(module, "config"):
            module.config._attn_implementation = how


def place(network: Network, device: torch.device) -> None:
    """Move the network to the device of its training."""
    _attend(network.model, device)
    network.to(device)


def write(network: Network, folder: Path) -> None:
    """Write the weights in Hugging Face form, for ``EncoderDecoderModel.from_pretrained`` and ``generate``.

    A shared decoder layer becomes a copy for each depth: a BERT decoder has no other form.
    """
    whole = unshared(network)
    for config in (whole.config, whole.generation_config):
        config.decoder_start_token_id, config.eos_token_id = subword_tokenizer.BEGIN, subword_tokenizer.END
        config.pad_token_id = subword_tokenizer.PAD
    with quiet_transformers.silence():
        whole.save_pretrained(folder)


def unshared(network: Network) -> Any:
    """Return the same EncoderDecoderModel on the CPU, with copies instead of shared weights.

    Every decoder layer is a separate module that knows its depth, as ``generate`` requires. Each side has its own
    embedding matrix, as in files. Special tokens that are not text are never generated.
    """
    model: Any = copy.deepcopy(network.model).cpu().eval()
    words = model.encoder.get_input_embeddings()
    words.weight = nn.Parameter(words.weight.detach().clone())
    layers = nn.ModuleList([copy.deepcopy(layer) for layer in model.decoder.bert.encoder.layer])
    for depth, layer in enumerate(layers):
        layer.attention.self.layer_idx = depth
        layer.crossattention.self.layer_idx = depth
    model.decoder.bert.encoder.layer = layers
    with torch.no_grad():
        model.decoder.cls.predictions.decoder.bias[list(subword_tokenizer.NEVER)] = -1e4
    return model
