"""Pretraining of an encoder on plain text: corpus, sentences, vocabulary, shards, segments, objectives, training.

The data side (up to ``segments``) knows NumPy and files; only the training side knows torch. The public names are
imported on first use: the command line reads ``settings`` and loads no library.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penna.pretraining.api import pretrain
    from penna.pretraining.request import Outcome

__all__ = ["Outcome", "pretrain"]


def __getattr__(name: str) -> Any:
    if name == "pretrain":
        from penna.pretraining.api import pretrain

        return pretrain
    if name == "Outcome":
        from penna.pretraining.request import Outcome

        return Outcome
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
