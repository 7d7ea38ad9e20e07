"""Checkpoints of the hub: from its local cache first, then from the network if allowed. Safetensors only."""

from pathlib import Path

from penna import environment
from penna.errors import EncoderError

_WANTED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "model.safetensors",
    "model-*.safetensors",
    "model.safetensors.index.json",
)
#: Files of sentence-transformers, and the subfolders of all others: the second is for old folders.
_SENTENCES = ("modules.json", "sentence_bert_config.json", "1_Pooling/config.json")
_PLACES = ("", "0_Transformer/")


def kept_offline() -> bool:
    """Return whether the environment forbids the network."""
    return any(map(environment.switched, ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")))


def snapshot(name: str, offline: bool) -> Path:
    """Return the snapshot folder in the hub's local cache; download it if necessary and allowed.

    Raises EncoderError if it is not available.
    """
    import huggingface_hub
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    place = {
        "cache_dir": environment.hub_cache(),
        "allow_patterns": [*_SENTENCES, *(place + file for place in _PLACES for file in (*_WANTED, *_SENTENCES[1:2]))],
    }
    try:
        folder = Path(huggingface_hub.snapshot_download(name, local_files_only=True, **place))
        if offline or _complete(folder):
            return folder
    except (OSError, ValueError) as error:  # not in the cache, or not a valid name for the hub
        if offline:
            raise EncoderError(_not_found(name, "no folder and not in the local hub cache (offline)")) from error
    try:
        return Path(huggingface_hub.snapshot_download(name, etag_timeout=10, **place))
    except Exception as error:  # network and hub errors come from several libraries
        raise EncoderError(
            _not_found(name, f"no folder, not in the local hub cache, {type(error).__name__}")
        ) from error


def _complete(folder: Path) -> bool:
    return any((folder / p / "config.json").is_file() and any((folder / p).glob("*.safetensors")) for p in _PLACES)


def _not_found(name: str, why: str) -> str:
    return (
        f"encoder {name!r} was not found ({why}): give a local folder, or download it on a machine with a network: "
        f"hf download {name}"
    )
