"""The arrays of an encoder in int8. Knows arrays; runs no graph.

Weights are symmetric and signed, with a scale for each column: on x86 only products of uint8 and int8 have a fast
kernel (VNNI, AMX). Inputs are uint8 with a constant scale and zero point, so that a row's output does not depend on the
batch around it. Channels with outliers are smoothed: their input is divided and their weights are multiplied by the
same number (Xiao et al. 2023, "SmoothQuant").
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from penna.data.arrays import Array
from penna.onnx_graphs.encoder_weights import Dense, Layer, Parts, QuantizedDense

#: Largest absolute value of a weight: 8 bits, and 7 bits, with which 16-bit sums of products never saturate.
EIGHT_BITS, SEVEN_BITS = 127, 63
#: Exponents of smoothing, and shares of an input's values as its range: those with the smallest output error are taken.
#: One exponent for all layers was ten times worse: the second dense layer of MiniLM's blocks has inputs of 25, where
#: half of the channels stay below 1.5.
_EXPONENTS = (0.0, 0.5, 0.65, 0.75, 0.85, 1.0)
_RANGES = (1.0, 0.9999, 0.999)
_LEVELS = 255
#: Calibration tokens on which output errors are compared.
_MOST_TOKENS = 384


@dataclass(frozen=True)
class Activations:
    """Inputs of a dense layer on calibration texts: a ``sample`` (n, in) and the ``largest`` (in,) absolute values."""

    sample: Array
    largest: Array


def encoder(parts: Parts, inputs: Mapping[str, Activations], largest: int = EIGHT_BITS) -> Parts:
    """Return the encoder in int8.

    Parameters
    ----------
    parts : Parts
        The encoder in float32.
    inputs : mapping of str to Activations
        The inputs of each dense layer, by its name in the graph. Other layers stay in float32.
    largest : int
        ``EIGHT_BITS`` or ``SEVEN_BITS``.
    """
    words, scales = _rows(parts.words)
    distances = parts.distances is not None
    layers = tuple(_layer(layer, f"layer_{i}", inputs, largest, distances) for i, layer in enumerate(parts.layers))
    return replace(parts, words=words, word_scales=scales, layers=layers)


def _layer(layer: Layer, name: str, inputs: Mapping[str, Activations], largest: int, distances: bool) -> Layer:
    return replace(
        layer,
        qkv=layer.qkv
        if distances
        else _dense(layer.qkv, inputs[f"{name}.qkv"], largest),  # QAttention has no distances
        out=_dense(layer.out, inputs[f"{name}.out"], largest),
        up=_dense(layer.up, inputs[f"{name}.up"], largest),
        down=_dense(layer.down, inputs[f"{name}.down"], largest),
    )


def _dense(dense: Dense, inputs: Activations, largest: int) -> QuantizedDense:
    """Return the layer in int8 with the smallest mean square error of its output on the sample."""
    sample = inputs.sample[np.random.default_rng(0).permutation(len(inputs.sample))[:_MOST_TOKENS]]
    expected = sample @ dense.weight
    best, smallest = None, np.inf
    for exponent in _EXPONENTS:
        smoothing = _smoothing(dense.weight, inputs.largest, exponent)
        weight, columns = _columns(dense.weight / smoothing[:, None], largest)
        restored_weight = weight * columns
        smoothed = sample * smoothing
        for share in _RANGES:
            scale, zero = _input_scale(smoothed, share)
            restored = (np.clip(np.rint(smoothed / scale) + zero, 0, _LEVELS) - zero) * scale
            error = float(np.mean((restored @ restored_weight - expected) ** 2))
            if error < smallest:
                best, smallest = (weight, columns, scale, zero, smoothing), error
    assert best is not None
    weight, columns, scale, zero, smoothing = best
    scale_array, zero_array = np.array(scale, np.float32), np.array(zero, np.uint8)
    return QuantizedDense(weight, dense.bias, columns, scale_array, zero_array, smoothing)


def _columns(weight: Array, largest: int) -> tuple[Array, Array]:
    """Return a weight (in, out) as int8, and the scale of each column (out,)."""
    columns = np.maximum(np.abs(weight).max(axis=0), 1e-12).astype(np.float32) / np.float32(largest)
    return np.clip(np.rint(weight / columns), -largest, largest).astype(np.int8), columns


def _smoothing(weight: Array, largest: Array, exponent: float) -> Array:
    """Return the factor of each input channel (in,), with a geometric mean of 1."""
    weights = np.maximum(np.abs(weight).max(axis=1), 1e-5)
    factors = weights ** (1 - exponent) / np.maximum(largest, 1e-5) ** exponent if exponent else np.ones(len(weight))
    smoothed: Array = (factors / np.exp(np.log(factors).mean())).astype(np.float32)
    return smoothed


def _input_scale(values: Array, share: float) -> tuple[float, int]:
    """Return the scale and zero point for the middle ``share`` of the values."""
    low, high = (float(np.quantile(values, q)) for q in ((1 - share) / 2, (1 + share) / 2))
    return scale_of(min(low, 0.0), max(high, 0.0, low + 1e-6))


def scale_of(low: float, high: float) -> tuple[float, int]:
    """Return the scale and the zero point of uint8 numbers from ``low`` to ``high``.

    >>> scale_of(0.0, 255.0)
    (1.0, 0)
    """
    scale = max((high - low) / _LEVELS, 1e-8)
    return scale, int(np.clip(round(-low / scale), 0, _LEVELS))


def _rows(table: Array) -> tuple[Array, Array]:
    """Return a table (n, k) as int8, and the scale of each row (n, 1)."""
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12).astype(np.float32) / np.float32(EIGHT_BITS)
    return np.rint(table / scales).astype(np.int8), scales
