"""Finding, describing and loading encoders. Never runs code from a checkpoint, never reads a pickle.

Finding and describing need no torch; only ``load_module`` imports it.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penna import native_calls
from penna.encoders import config as configs
from penna.encoders import hub, sentence_transformers, tokenizer_folder, weights
from penna.encoders.quiet_transformers import silence
from penna.environment import expanded
from penna.errors import EncoderError

if TYPE_CHECKING:
    import tokenizers
    import torch

ASSETS = Path(__file__).parent.parent / "assets" / "encoders"
#: Depths to try, as shares, for an encoder that was trained at its full depth only.
SHARES = (1.0, 0.67, 0.5)
#: Stands for the pooling that the encoder's folder states.
OWN = "own"
_TOKENIZER = tokenizer_folder.TOKENIZER
#: More files of a tokenizer, if there is no tokenizer.json.
_BESIDE = ("merges.txt", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Kind:
    """The differences between architectures.

    ``lost_positions`` are not usable, ``pooler`` says whether one can be left out, ``typed`` whether tokens have types.
    """

    lost_positions: int = 0
    pooler: bool = True
    typed: bool = True


#: The architectures with an encoder interface: (ids, mask) -> (batch, length, width), cut by ``num_hidden_layers``.
KINDS: Mapping[str, Kind] = {
    "albert": Kind(),
    "bert": Kind(),
    "camembert": Kind(lost_positions=2),
    "distilbert": Kind(pooler=False, typed=False),
    "electra": Kind(pooler=False),
    "mpnet": Kind(lost_positions=2, typed=False),
    "roberta": Kind(lost_positions=2),
    "xlm-roberta": Kind(lost_positions=2),
}


@dataclass(frozen=True)
class Checkpoint:
    """An encoder on disk: its folder and its dimensions, from config.json and the headers of its weights."""

    name: str
    folder: Path
    kind: str
    width: int
    layers: int  # counted as applied: twelve if ALBERT calls a block of three layers four times
    shared_layers: bool
    embedding_width: int
    vocabulary: int
    max_length: int
    megabytes: float  # of the encoder in float32, without heads and pooler
    layer_megabytes: float  # saved by one layer less; 0 if layers share their weights
    fingerprint: str  # equal for equal config, tokenizer and weights
    pad: int = 0  # the padding id
    step: int = 1  # a cut keeps a multiple of this number of layers
    trained: tuple[int, ...] = ()  # depths that it was trained for; empty if not stated
    types: int = 1  # token types: of two, the second marks the second text of a pair
    pooling: str = ""  # the pooling that its folder states; empty if none
    unit: bool = False  # whether its folder states that vectors are normalized
    sentence_length: int = 0  # the most tokens that its vectors were trained for; 0 if not stated

    @property
    def depths(self) -> tuple[int, ...]:
        """The depths that can be requested, in applied layers, ascending."""
        return tuple(range(self.step, self.layers + 1, self.step))

    @property
    def shares(self) -> tuple[float, ...]:
        """The distinct depths to try, as shares of all layers, deepest first."""
        wanted = [round(depth / self.layers, 2) for depth in self.trained] or sorted(SHARES)
        return tuple(sorted({self.depth_at(share): share for share in wanted}.values(), reverse=True))

    def depth_at(self, share: float) -> int:
        """Return the depth nearest to this share of the layers, among its trained depths if it states any."""
        return min(self.trained or self.depths, key=lambda depth: (abs(depth - share * self.layers), -depth))

    def pooled(self, wanted: str) -> str:
        """Return the actual pooling: "own" stands for the folder's own, or the mean if it states none."""
        return (self.pooling or "mean") if wanted == OWN else wanted

    def sentence_at(self, length: int) -> int:
        """Return the length for a text's vector without fine-tuning, at most ``length`` tokens."""
        return min(length, self.max_length, self.sentence_length or self.max_length)

    def megabytes_at(self, depth: int) -> float:
        """Return the float32 size of the first ``depth`` layers with the embeddings."""
        return self.megabytes - (self.layers - depth) * self.layer_megabytes

    @property
    def tokenizer_megabytes(self) -> float:
        """The size of the tokenizer in an artifact; about a megabyte if it is not converted yet."""
        file = self.folder / _TOKENIZER
        return file.stat().st_size / 1e6 if file.is_file() else 1.0


def shipped(assets: Path = ASSETS) -> list[str]:
    """Return the sorted names of the checkpoints in the package.

    >>> isinstance(shipped(), list)
    True
    """
    return sorted(p.parent.name for p in assets.glob("*/config.json")) if assets.is_dir() else []


def find(name: str, *, offline: bool | None = None, assets: Path = ASSETS) -> Checkpoint:
    """Return the checkpoint called ``name``: a local folder, one in the package, or a name on the hub.

    The hub's local cache comes before the network. ``offline`` True never uses the network; None follows the
    environment (HF_HUB_OFFLINE). Raises EncoderError if there is no such checkpoint, or it cannot be used.
    """
    if _is_folder(name):
        return describe(name, expanded(name).resolve())
    if name in shipped(assets):
        return describe(name, assets / name)
    if _like_a_path(name):
        raise EncoderError(f"encoder {name!r}: there is no such folder: give a folder that holds config.json.")
    return describe(name, hub.snapshot(name, hub.kept_offline() if offline is None else offline))


def describe(name: str, folder: Path) -> Checkpoint:
    """Check a checkpoint's files and read its dimensions, and the pooling of a sentence-transformers folder.

    Raises EncoderError for the first fault.
    """
    vectors = sentence_transformers.read(name, folder)
    folder = vectors.folder
    config = configs.read(name, folder)
    kind = str(config.get("model_type"))
    if kind not in KINDS:
        raise EncoderError(
            f"encoder {name!r}: the architecture {kind!r} has no encoder interface here: "
            f"choose one of {', '.join(sorted(KINDS))}."
        )
    if not any((folder / v).is_file() for v in tokenizer_folder.VOCABULARIES):
        raise EncoderError(f"encoder {name!r} has no tokenizer: put its tokenizer.json into {folder}.")
    width = configs.whole(name, config, "hidden_size", "dim")
    stack = configs.stack(name, config)
    files = weights.weight_files(name, folder)
    small = ("config.json", *tokenizer_folder.VOCABULARIES, *(() if (folder / _TOKENIZER).is_file() else _BESIDE))
    megabytes, layered = weights.sizes(name, files)
    return Checkpoint(
        name=name,
        folder=folder,
        kind=kind,
        width=width,
        layers=stack.layers,
        shared_layers=kind == "albert",
        embedding_width=configs.whole(name, config, "embedding_size", default=width),
        vocabulary=configs.whole(name, config, "vocab_size"),
        max_length=configs.whole(name, config, "max_position_embeddings") - KINDS[kind].lost_positions,
        megabytes=megabytes,
        layer_megabytes=0.0 if stack.groups == 1 else layered / stack.layers,
        fingerprint=weights.fingerprint([folder / f for f in small], files),
        pad=configs.whole(name, config, "pad_token_id", default=0),
        step=stack.step,
        trained=stack.trained,
        types=configs.whole(name, config, "type_vocab_size", default=2) if KINDS[kind].typed else 1,
        pooling=vectors.pooling,
        unit=vectors.unit,
        sentence_length=vectors.length,
    )


def load_module(
    checkpoint: Checkpoint, *, depth: int | None = None, dtype: str = "float32", dropout: float | None = None
) -> "torch.nn.Module":
    """Load the encoder, cut to its first ``depth`` layers, in evaluation mode, without a pooler.

    Call it with ``input_ids`` and ``attention_mask``; take ``.last_hidden_state``. ``depth`` is one of the checkpoint's
    ``depths``. Weights are converted to ``dtype``. ``dropout`` replaces every dropout rate of the config. Raises
    EncoderError if there is no such depth, or the weights do not fit the config.
    """
    import torch
    import transformers

    depth = checkpoint.layers if depth is None else depth
    if depth not in checkpoint.depths:
        raise EncoderError(
            f"encoder {checkpoint.name!r} has {checkpoint.layers} layers: a depth of {depth} cannot work; "
            f"choose one of {', '.join(map(str, checkpoint.depths))}."
        )
    with silence(), native_calls.caught(partial(unloaded, checkpoint)):
        config = transformers.AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
        config.num_hidden_layers = depth // getattr(config, "inner_group_num", 1)
        if getattr(config, "num_hidden_groups", 1) > 1:  # one for each step: the remaining groups are called as before
            config.num_hidden_groups = config.num_hidden_groups * depth // checkpoint.layers
        if dropout is not None:
            _set_dropout(config, dropout)
        module = _load(checkpoint, config)
    return module.to(getattr(torch, dtype)).eval()


def load_tokenizer(checkpoint: Checkpoint) -> "tokenizers.Tokenizer":
    """Return the checkpoint's fast tokenizer, which adds special tokens and neither truncates nor pads.

    Do not modify it: the same object is returned again.
    """
    file = checkpoint.folder / _TOKENIZER
    return _tokenizer(checkpoint, file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=4)
def _tokenizer(checkpoint: Checkpoint, written: int) -> "tokenizers.Tokenizer":
    """Load a tokenizer, cached: it takes a tenth of a second, which a fit on a dozen rows would pay a dozen times."""
    tokenizer, checked = tokenizer_folder.read(checkpoint.name, checkpoint.folder)
    tokenizer_folder.check(checkpoint.name, checkpoint.folder, tokenizer, checked, checkpoint.vocabulary)
    return tokenizer


def working(checkpoint: Checkpoint) -> AbstractContextManager[None]:
    """Turn errors of the checkpoint's tokenizer in native code into an EncoderError."""
    return native_calls.caught(
        lambda why: EncoderError(
            f"encoder {checkpoint.name!r}: its tokenizer does not work ({why}): get {checkpoint.folder} again."
        )
    )


def _is_folder(name: str) -> bool:
    try:
        return bool(name.strip()) and expanded(name).is_dir()
    except (OSError, RuntimeError):  # too long for a path; no such home
        return False


def _like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name


def unloaded(checkpoint: Checkpoint, why: str) -> EncoderError:
    """Return the error for a checkpoint whose weights cannot be read."""
    return EncoderError(
        f"encoder {checkpoint.name!r} cannot be loaded ({why}): get the folder {checkpoint.folder} again."
    )


def _set_dropout(config: Any, rate: float) -> None:
    for name in vars(config):
        if "dropout" in name and isinstance(getattr(config, name), float | int) and "layerdrop" not in name:
            setattr(config, name, rate)


def _load(checkpoint: Checkpoint, config: Any) -> "torch.nn.Module":
    import transformers

    extra = {"add_pooling_layer": False} if KINDS[checkpoint.kind].pooler else {}
    module, info = transformers.AutoModel.from_pretrained(
        checkpoint.folder,
        config=config,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        **extra,
    )
    missing = sorted(k for k in info["missing_keys"] if "position_ids" not in k)
    if missing:
        raise EncoderError(
            f"encoder {checkpoint.name!r}: its weights lack {missing[0]} and {len(missing) - 1} more: they do not "
            f"belong to its config.json; get the folder {checkpoint.folder} again."
        )
    loaded: torch.nn.Module = module
    return loaded
