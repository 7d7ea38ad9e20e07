"""The dimensions of an encoder: named sizes, layer sharing, and the shape of a checkpoint. No torch.

ALBERT's layers can share all or some weights, BERT's layers only attention. "attention" ties the attention modules of
otherwise distinct layers during training; the file holds a copy for each layer, so that any library loads it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from penna.encoders import config as configs
from penna.errors import EncoderError, SettingError


@dataclass(frozen=True)
class Shape:
    """The dimensions of an encoder. ``layers`` counts a layer as often as it is applied.

    ``groups`` blocks of ``inner`` distinct layers have weights of their own; each block is applied
    ``layers / groups / inner`` times (Lan et al. 2020, section 3.1; "cycle": Takase and Kiyono 2021).
    """

    kind: str
    layers: int
    hidden: int
    heads: int
    ffn: int
    embedding: int
    vocab: int
    positions: int = 128
    groups: int = 1
    inner: int = 1
    tied_attention: bool = False

    @property
    def stack(self) -> configs.Stack:
        """The depths at which the encoder can be cut."""
        return configs.stack("this shape", self.config())

    @property
    def distinct(self) -> int:
        """The number of layers with weights of their own."""
        return self.groups * self.inner

    def config(self) -> dict[str, Any]:
        """Return the dimensions under their names in config.json."""
        albert = {
            "embedding_size": self.embedding,
            "num_hidden_groups": self.groups,
            "inner_group_num": self.inner,
            "num_hidden_layers": self.layers // self.inner,
            # ALBERT's own function; this name selects one fused operation instead of seven.
            "hidden_act": "gelu_pytorch_tanh",
        }
        return {
            "model_type": self.kind,
            "hidden_size": self.hidden,
            "num_attention_heads": self.heads,
            "intermediate_size": self.ffn,
            "vocab_size": self.vocab,
            "max_position_embeddings": self.positions,
            "num_hidden_layers": self.layers,
            **(albert if self.kind == "albert" else {}),
        }


def _albert(layers: int, hidden: int, heads: int, embedding: int = 128) -> Shape:
    return Shape("albert", layers, hidden, heads, 4 * hidden, embedding, 30_000)


def _bert(layers: int, hidden: int, heads: int) -> Shape:
    return Shape("bert", layers, hidden, heads, 4 * hidden, hidden, 30_522, groups=layers)


#: ALBERT: Lan et al. 2020, table 1; Penna defines the sizes below base. BERT: Devlin et al. 2019; Turc et al. 2019.
SIZES: Mapping[str, Mapping[str, Shape]] = {
    "albert": {
        "tiny": _albert(4, 192, 6, 64),
        "mini": _albert(6, 384, 12),
        "small": _albert(12, 512, 8),
        "base": _albert(12, 768, 12),
        "large": _albert(24, 1024, 16),
        "xlarge": _albert(24, 2048, 16),
        "xxlarge": _albert(12, 4096, 64),
    },
    "bert": {
        "tiny": _bert(2, 128, 2),
        "mini": _bert(4, 256, 4),
        "small": _bert(4, 512, 8),
        "medium": _bert(8, 512, 8),
        "base": _bert(12, 768, 12),
        "large": _bert(24, 1024, 16),
    },
}
#: Dimensions that can be set one by one -> their settings.
MEASURES: Mapping[str, str] = {
    "layers": "layers",
    "hidden": "hidden_size",
    "heads": "heads",
    "ffn": "intermediate_size",
    "embedding": "embedding_size",
}


def shape(arch: str, size: str, share: str | None = None, **measures: int | None) -> Shape:
    """Return the shape called ``size``; dimensions that are not None replace those of the size.

    Raises SettingError if a name is unknown or the dimensions do not fit together.

    >>> shape("albert", "base", "groups:3", heads=6).distinct
    3
    """
    sizes = SIZES.get(arch)
    if sizes is None:
        raise SettingError(f"--arch {arch!r} is not known: choose one of {', '.join(SIZES)}.")
    if size not in sizes:
        raise SettingError(f"--size {size!r} is not known for {arch}: choose one of {', '.join(sizes)}.")
    changes: dict[str, Any] = {name: value for name, value in measures.items() if value is not None}
    for name, value in changes.items():
        if value < 1:
            raise SettingError(f"--{MEASURES[name].replace('_', '-')} {value} cannot be: give at least 1.")
    if "hidden" in changes:
        changes = {"ffn": 4 * changes["hidden"], **changes}
    if arch == "bert":
        changes["embedding"] = _same_width(changes, changes.get("hidden", sizes[size].hidden))
    return _checked(_shared(replace(sizes[size], **changes), share))


def _same_width(changes: Mapping[str, int], hidden: int) -> int:
    if changes.get("embedding", hidden) != hidden:
        raise SettingError(
            "BERT's embeddings are as wide as its layers: leave --embedding-size out, or take --arch albert."
        )
    return hidden


def _shared(shape: Shape, share: str | None) -> Shape:
    layers = shape.layers
    albert = shape.kind == "albert"
    name, number = _parsed(share or ("all" if albert else "none"), layers)
    if not albert and name not in ("none", "attention"):
        raise SettingError(f"BERT's layers cannot share {share!r}: take none or attention, or --arch albert.")
    groups = {"all": 1, "groups": number, "cycle": 1}.get(name, layers)
    return replace(shape, groups=groups, inner=number if name == "cycle" else 1, tied_attention=name == "attention")


def _parsed(share: str, layers: int) -> tuple[str, int]:
    """Return the kind of sharing and its number, such as ("cycle", 3)."""
    match = re.fullmatch(r"(all|none|attention)|(groups|cycle):(\d{1,4})", share)
    if not match:
        raise SettingError(f"--layer-sharing {share!r} is not known: write all, groups:3, cycle:3, attention or none.")
    if match[1]:
        return match[1], 1
    number = int(match[3])
    if number < 1 or layers % number:
        raise SettingError(f"--layer-sharing {share} does not divide {layers} layers: choose a number that does.")
    return match[2], number


def _checked(shape: Shape) -> Shape:
    if shape.hidden % shape.heads:
        raise SettingError(f"a width of {shape.hidden} does not divide into {shape.heads} heads: change one of them.")
    return shape


def of_config(name: str, config: Mapping[str, Any]) -> Shape:
    """Return the shape in a checkpoint's config.json. Raise EncoderError unless it is an ALBERT or a BERT."""
    kind = str(config.get("model_type"))
    if kind not in SIZES:
        raise EncoderError(f"encoder {name!r} is a {kind}: pretraining continues only from ALBERT and BERT.")
    stack = configs.stack(name, config)
    hidden = configs.whole(name, config, "hidden_size")
    albert = kind == "albert"
    return Shape(
        kind=kind,
        layers=stack.layers,
        hidden=hidden,
        heads=configs.whole(name, config, "num_attention_heads"),
        ffn=configs.whole(name, config, "intermediate_size"),
        embedding=configs.whole(name, config, "embedding_size", default=128 if albert else hidden),
        vocab=configs.whole(name, config, "vocab_size"),
        positions=configs.whole(name, config, "max_position_embeddings"),
        groups=stack.groups,
        inner=configs.whole(name, config, "inner_group_num", default=1) if albert else 1,
    )


def agree(
    name: str, have: Shape, arch: str | None, size: str | None, share: str | None, **measures: int | None
) -> Shape:
    """Return ``have`` if the checkpoint has the requested shape (None: any). Raise EncoderError if not."""
    if arch is not None and arch != have.kind:
        raise EncoderError(
            f"encoder {name!r} is a {have.kind}, not a {arch}: leave --arch out, or choose another checkpoint."
        )
    requested = shape(have.kind, size, share, **measures) if size else replace(have, **_given(measures))
    if share is not None:
        requested = _shared(requested, share)
    measures_given = [*(MEASURES if size else _given(measures)), *(("groups", "inner") if share else ())]
    for measure in measures_given:
        if getattr(requested, measure) != getattr(have, measure):
            raise EncoderError(
                f"encoder {name!r} has another shape than was requested ({MEASURES.get(measure, measure)} "
                f"{getattr(have, measure)}, not {getattr(requested, measure)}): leave --size, --layer-sharing and the "
                "dimensions out to keep its own."
            )
    return replace(have, tied_attention=requested.tied_attention)


def _given(measures: Mapping[str, int | None]) -> dict[str, Any]:
    return {name: value for name, value in measures.items() if value is not None}


def exits(shape: Shape, requested: str | None) -> tuple[int, ...]:
    """Return the depths to train for in ascending order, the whole encoder included, in applied layers.

    Raises SettingError if the encoder cannot be cut at one of them.

    >>> exits(shape("albert", "base"), "3,6")
    (3, 6, 12)
    """
    if not requested:
        return (shape.layers,)
    parts = requested.split(",")
    if not all(re.fullmatch(r"\s*\d{1,4}\s*", part) for part in parts):
        raise SettingError(f"--depths {requested!r} is not a list of depths: write it like 3,6,12.")
    depths = sorted({int(part) for part in parts} | {shape.layers})
    step = shape.stack.step
    if depths[-1] > shape.layers or depths[0] < 1 or any(depth % step for depth in depths):
        possible = ", ".join(map(str, range(step, shape.layers + 1, step)))
        raise SettingError(f"--depths {requested} cannot work: this encoder can be cut at depth {possible}.")
    return tuple(depths)


def summary(shape: Shape) -> dict[str, Any]:
    """Return the dimensions for a state and a model card."""
    return asdict(shape)
