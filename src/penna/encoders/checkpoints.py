"""Where an encoder is found, what it is, and how it is loaded. Never runs code from a checkpoint, never reads a pickle.

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
#: Depths worth trying of an encoder that was trained at its full depth alone.
SHARES = (1.0, 0.67, 0.5)
#: The pooling that an encoder's own folder asks for.
OWN = "own"
_TOKENIZER = tokenizer_folder.TOKENIZER
#: What a tokenizer is made of, too, where there is no file that holds it whole.
_BESIDE = ("merges.txt", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Kind:
    """What differs between architectures: positions that are not usable, whether a pooler can be left out, and whether
    tokens have types.
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
    """An encoder on disk: its folder and its measures, read from config.json and the headers of its weights."""

    name: str
    folder: Path
    kind: str
    width: int
    layers: int  # as often as they are applied: where ALBERT calls a block of three four times, twelve
    shared_layers: bool
    embedding_width: int
    vocabulary: int
    max_length: int
    megabytes: float  # of the encoder in float32, without heads and pooler
    layer_megabytes: float  # what one layer less saves; 0 where layers share their weights
    fingerprint: str  # equal for equal config, tokenizer and weights
    pad: int = 0  # the id that fills up a batch
    step: int = 1  # a cut keeps a multiple of so many layers
    trained: tuple[int, ...] = ()  # depths that it was trained to be good at; empty where it does not say
    types: int = 1  # kinds of tokens that it knows: of two, the second stands for the second text of a pair
    pooling: str = ""  # how its folder says that vectors are pooled; empty where it does not say
    unit: bool = False  # whether its folder says that vectors are brought to length one
    sentence_length: int = 0  # the most tokens that its vectors were trained for; 0 where its folder does not say

    @property
    def depths(self) -> tuple[int, ...]:
        """How many layers, counted as applied, can be requested; ascending."""
        return tuple(range(self.step, self.layers + 1, self.step))

    @property
    def shares(self) -> tuple[float, ...]:
        """The depths worth trying, as shares of all layers, deepest first; no two of them are the same depth."""
        wanted = [round(depth / self.layers, 2) for depth in self.trained] or sorted(SHARES)
        return tuple(sorted({self.depth_at(share): share for share in wanted}.values(), reverse=True))

    def depth_at(self, share: float) -> int:
        """Return the depth that is nearest to this share of the layers, among those it was trained for where it says
        so.
        """
        return min(self.trained or self.depths, key=lambda depth: (abs(depth - share * self.layers), -depth))

    def pooled(self, wanted: str) -> str:
        """Return the pooling that is meant: "own" stands for its own one, which is the mean where it has none."""
        return (self.pooling or "mean") if wanted == OWN else wanted

    def sentence_at(self, length: int) -> int:
        """Return the length of a text whose vector is wanted as it comes, at most so many tokens."""
        return min(length, self.max_length, self.sentence_length or self.max_length)

    def megabytes_at(self, depth: int) -> float:
        """Float32 size of the first ``depth`` layers with the embeddings."""
        return self.megabytes - (self.layers - depth) * self.layer_megabytes

    @property
    def tokenizer_megabytes(self) -> float:
        """What an artefact's tokenizer weighs; about a megabyte where it is still to be converted."""
        file = self.folder / _TOKENIZER
        return file.stat().st_size / 1e6 if file.is_file() else 1.0


def shipped(assets: Path = ASSETS) -> list[str]:
    """Names of the checkpoints that came with the package, sorted.

    >>> isinstance(shipped(), list)
    True
    """
    return sorted(p.parent.name for p in assets.glob("*/config.json")) if assets.is_dir() else []


def find(name: str, *, offline: bool | None = None, assets: Path = ASSETS) -> Checkpoint:
    """Return the checkpoint called ``name``: a local folder, one in the package, or a name on the hub (its cache comes
    first).

    ``offline`` True keeps off the net; None asks the environment (HF_HUB_OFFLINE). Raises EncoderError.
    """
    if _is_folder(name):
        return describe(name, expanded(name).resolve())
    if name in shipped(assets):
        return describe(name, assets / name)
    if _like_a_path(name):
        raise EncoderError(f"encoder {name!r}: there is no such folder: give a folder that holds config.json.")
    return describe(name, hub.snapshot(name, hub.kept_offline() if offline is None else offline))


def describe(name: str, folder: Path) -> Checkpoint:
    """Check a checkpoint's files and read its measures, and what a folder of sentence-transformers says of vectors.

    Raises EncoderError on the first thing that is wrong.
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
    """Return the plain encoder, cut to its first ``depth`` layers, in evaluation mode, without a pooler.

    Call it with ``input_ids`` and ``attention_mask``; take ``.last_hidden_state``. ``depth`` is one of the checkpoint's
    ``depths``; weights come as ``dtype``, however they are stored; ``dropout`` replaces every dropout rate of the
    config. Raises EncoderError where there is no such depth, or the weights do not fit the config.
    """
    import torch
    import transformers

    depth = checkpoint.layers if depth is None else depth
    if depth not in checkpoint.depths:
        raise EncoderError(
            f"encoder {checkpoint.name!r} has {checkpoint.layers} layers: a depth of {depth} cannot be; "
            f"choose one of {', '.join(map(str, checkpoint.depths))}."
        )
    with silence(), native_calls.caught(partial(unloaded, checkpoint)):
        config = transformers.AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
        config.num_hidden_layers = depth // getattr(config, "inner_group_num", 1)
        if getattr(config, "num_hidden_groups", 1) > 1:  # one for each step: the groups that stay are called as before
            config.num_hidden_groups = config.num_hidden_groups * depth // checkpoint.layers
        if dropout is not None:
            _set_dropout(config, dropout)
        module = _load(checkpoint, config)
    return module.to(getattr(torch, dtype)).eval()


def load_tokenizer(checkpoint: Checkpoint) -> "tokenizers.Tokenizer":
    """Return the checkpoint's fast tokenizer, which adds special tokens and neither cuts nor pads.

    Not to be changed: the same one is given again.
    """
    file = checkpoint.folder / _TOKENIZER
    return _tokenizer(checkpoint, file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=4)
def _tokenizer(checkpoint: Checkpoint, written: int) -> "tokenizers.Tokenizer":
    """Cache what was read: it takes a tenth of a second, which a fit on a dozen rows would pay a dozen times."""
    tokenizer, checked = tokenizer_folder.read(checkpoint.name, checkpoint.folder)
    tokenizer_folder.check(checkpoint.name, checkpoint.folder, tokenizer, checked, checkpoint.vocabulary)
    return tokenizer


def working(checkpoint: Checkpoint) -> AbstractContextManager[None]:
    """Whatever native code raises while the checkpoint's tokenizer is at work, as an EncoderError."""
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
    """Return what is raised where a checkpoint's weights cannot be read."""
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
    module, found = transformers.AutoModel.from_pretrained(
        checkpoint.folder,
        config=config,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        **extra,
    )
    missing = sorted(k for k in found["missing_keys"] if "position_ids" not in k)
    if missing:
        raise EncoderError(
            f"encoder {checkpoint.name!r}: its weights lack {missing[0]} and {len(missing) - 1} more: they do not "
            f"belong to its config.json; get the folder {checkpoint.folder} again."
        )
    loaded: torch.nn.Module = module
    return loaded
