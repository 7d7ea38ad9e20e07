"""A checkpoint's config.json: its numbers, checked, and its layers. Trusts no value; no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penna.errors import EncoderError

#: The key of the depths that an encoder was trained for.
TRAINED = "penna_depths"
_MOST_LAYERS = 1000
_LARGEST = 10_000_000  # bytes; models with very many labels have the largest


@dataclass(frozen=True)
class Stack:
    """The layers of an encoder, counted as applied, and the depths at which they can be cut."""

    layers: int
    step: int  # a cut keeps a multiple of this number
    groups: int  # blocks of layers with their own weights: all layers of a BERT, one block in most ALBERTs
    trained: tuple[int, ...]  # depths that it was trained for, ascending; empty if not stated


def read(name: str, folder: Path) -> dict[str, Any]:
    """Return the object in config.json. Raise EncoderError if it cannot be read."""
    file = folder / "config.json"
    if not file.is_file():
        raise EncoderError(f"encoder {name!r}: {folder} holds no config.json: give the folder of a checkpoint.")
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError("too large")
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(f"encoder {name!r}: {file} cannot be read ({error}): get it again.") from error
    if not isinstance(config, dict):
        raise EncoderError(f"encoder {name!r}: {file} is not a JSON object: get it again.")
    return config


def whole(name: str, config: Mapping[str, Any], *keys: str, default: int | None = None) -> int:
    """Return the first of these keys that holds a positive whole number. Raise EncoderError if none does."""
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000_000:
            return value
    if default is not None:
        return default
    raise EncoderError(f"encoder {name!r}: its config.json gives no usable {keys[0]}: get it again.")


def stack(name: str, config: Mapping[str, Any]) -> Stack:
    """Return how often layers are applied, and the depths at which a cut leaves the lower layers unchanged.

    ALBERT calls group after group, and a group applies its ``inner_group_num`` layers in turn. With one group, a cut
    is possible after each call; with several, after each group if all are called equally often.
    """
    calls = whole(name, config, "num_hidden_layers", "n_layers")
    shares = config.get("model_type") == "albert"
    inner = whole(name, config, "inner_group_num", default=1) if shares else 1
    groups = whole(name, config, "num_hidden_groups", default=1) if shares else calls
    layers = calls * inner
    if layers > _MOST_LAYERS:
        raise EncoderError(f"encoder {name!r}: its config.json has {layers} layers: get it again.")
    step = inner if groups == 1 else layers // groups if calls % groups == 0 else layers
    return Stack(layers, step, groups, _trained(name, config, range(step, layers + 1, step)))


def _trained(name: str, config: Mapping[str, Any], depths: range) -> tuple[int, ...]:
    """Return the stated depths that this encoder still has: a cut encoder keeps the config of the whole one."""
    trained_depths = config.get(TRAINED)
    if trained_depths is None:
        return ()
    if not isinstance(trained_depths, list) or not all(
        isinstance(d, int) and not isinstance(d, bool) for d in trained_depths
    ):
        raise EncoderError(
            f"encoder {name!r}: {TRAINED} in its config.json is not a list of whole numbers: correct or remove it."
        )
    return tuple(sorted({d for d in trained_depths if d in depths} | {depths[-1]}))
