"""Optional packages: which a feature needs, which are missing, and the command that installs them. A leaf."""

from functools import cache
from importlib.util import find_spec

from penna.errors import MissingExtra

#: Feature -> the extra that brings it, and its modules.
FEATURES = {
    "encoders": ("train", ("torch", "transformers", "huggingface_hub", "onnx")),
    "label errors": ("train", ("cleanlab",)),
    "translation metrics": ("train", ("sacrebleu",)),
    "tables": ("tables", ("pandas", "pyarrow")),
}


@cache
def missing(feature: str) -> tuple[str, ...]:
    """Return the modules of a feature that are not installed."""
    return tuple(name for name in FEATURES[feature][1] if find_spec(name) is None)


def advice(feature: str) -> str:
    """Return what to type to get a feature."""
    return f'pip install "penna[{FEATURES[feature][0]}]"'


def require(feature: str, what_for: str) -> None:
    """Raise MissingExtra unless everything that a feature needs is installed."""
    if absent := missing(feature):
        raise MissingExtra(", ".join(absent), what_for, advice(feature))
