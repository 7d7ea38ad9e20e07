"""The ONNX export of a translation model: a trained encoder-decoder becomes the files of ``onnx_translator``.

The written graphs are opened again and compared with torch; graphs with other outputs are an error and are removed. No
torch at import.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.encoders import subword_tokenizer
from penna.errors import BundleError
from penna.onnx_graphs import decoder_graph, decoder_weights, graph_values
from penna.onnx_graphs import encoder_weights as arrays
from penna.onnx_graphs.translator_config import Facts
from penna.runtime import onnx_translator
from penna.runtime.onnx_translator import Translator, limit_of

if TYPE_CHECKING:
    import tokenizers

#: The least share of sample texts for which torch must generate the same tokens.
SAME = 0.99
#: Two tokens whose logits differ by less are a tie: rounding decides between them.
_TIE = 1e-3
_BATCH = 32


def write(
    model: Any,
    folder: Path,
    source: "tokenizers.Tokenizer",
    target: "tokenizers.Tokenizer | None",
    facts: Facts,
    sample: Sequence[str] = (),
) -> float:
    """Write an EncoderDecoderModel (evaluation mode, float32, on the CPU).

    ``target`` is None if both sides share a vocabulary and embeddings. Return the share of ``sample`` with the same
    greedy translation; it is also noted in translator.json.

    Raises BundleError if this share is below ``SAME``.
    """
    encoder, decoder = arrays.read(model.encoder, facts.length), decoder_weights.read(model.decoder)
    joint = target is None
    folder.mkdir(parents=True, exist_ok=True)
    graphs = {
        onnx_translator.ONCE: graph_values.model(decoder_graph.once(encoder, decoder, joint)),
        onnx_translator.STEP: graph_values.model(decoder_graph.step(decoder, joint)),
    }
    if joint:
        graphs[onnx_translator.WORDS] = graph_values.weights_alone({decoder_graph.WORDS: decoder.words})
    for name, graph in graphs.items():
        (folder / name).write_bytes(graph.SerializeToString())
    source.save(str(folder / onnx_translator.SOURCE), pretty=False)
    if target is not None:
        target.save(str(folder / onnx_translator.TARGET), pretty=False)
    _note(folder, facts)
    del graphs, encoder, decoder  # each is a copy of the weights
    texts = [text for text in sample if text.strip()]
    if not texts:
        return 1.0
    same = _agreement(model, folder, texts)
    _note(folder, replace(facts, same=same))
    return same


def _note(folder: Path, facts: Facts) -> None:
    (folder / onnx_translator.FACTS).write_text(json.dumps(facts.to_json(), indent=1), encoding="utf-8")


def _agreement(model: Any, folder: Path, texts: Sequence[str]) -> float:
    opened = Translator.open(folder, beams=1)
    generated = opened.tokens(texts)
    same = float(np.mean(_same(model, opened, texts, generated)))
    if same < SAME:
        for path in folder.glob("*.onnx"):
            path.unlink()
        raise BundleError(
            f"the exported translator agrees with the trained one on only {same:.1%} of {len(texts)} texts "
            f"({SAME:.0%} are required): nothing was written; please report this with the recipe."
        )
    return same


def _same(model: Any, opened: Translator, texts: Sequence[str], generated: Sequence[list[int]]) -> list[bool]:
    """Return whether torch would generate the same token at each position: then greedy decoding agrees."""
    rows = opened.ids(texts)
    result: list[bool] = []
    for start in range(0, len(rows), _BATCH):
        batch = slice(start, start + _BATCH)
        result += _same_batch(model, opened.facts, rows[batch], generated[batch])
    return result


def _same_batch(model: Any, facts: Facts, rows: Sequence[list[int]], generated: Sequence[list[int]]) -> list[bool]:
    import torch

    ids, before, after = (
        _padded(part, pad)
        for part, pad in (
            (rows, facts.pad),
            ([[subword_tokenizer.BEGIN, *row] for row in generated], subword_tokenizer.PAD),
            ([[*row, subword_tokenizer.END] for row in generated], subword_tokenizer.PAD),
        )
    )
    before, after = (
        before[:, : facts.target_length],
        after[:, : facts.target_length],
    )  # the decoder has no positions beyond
    mask = np.arange(ids.shape[1])[None] < np.array([len(row) for row in rows])[:, None]
    with torch.inference_mode():
        logits = model(
            input_ids=torch.from_numpy(ids),
            attention_mask=torch.from_numpy(mask.astype(np.int64)),
            decoder_input_ids=torch.from_numpy(before),
            use_cache=False,
        ).logits.numpy()
    logits[:, :, list(subword_tokenizer.NEVER)] = -1e4
    chosen = np.take_along_axis(logits, after[:, :, None], axis=2)[:, :, 0]
    fine = chosen > logits.max(axis=2) - _TIE
    # At its limit a row ends without END.
    limits = [min(len(row) + 1, limit_of(len(source), facts)) for row, source in zip(generated, rows, strict=True)]
    return [bool(fine[i, :n].all()) for i, n in enumerate(limits)]


def _padded(rows: Sequence[list[int]], pad: int) -> np.ndarray[Any, Any]:
    out = np.full((len(rows), max(map(len, rows))), pad, np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
