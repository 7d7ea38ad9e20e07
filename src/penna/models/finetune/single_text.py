"""Fine-tuning where each row is one text. No torch at import.

``_siamese`` and ``_crossed`` offer the same under the same names, for pairs of texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penna.data.arrays import Array
from penna.encoders.sliding_windows import Framed, read
from penna.models.finetune.batches import moved, rows_of, texts_of
from penna.models.finetune.model import FineTuned as Model
from penna.models.finetune.model import logits_of as answers

if TYPE_CHECKING:
    from penna.networks.encoder_with_head import Network

__all__ = ["Model", "answers", "ids", "kind", "moved", "read", "rows_of", "shares", "texts_of", "windows"]


def kind() -> type[Network]:
    """Return the network that learns from such rows."""
    from penna.networks.encoder_with_head import Network

    return Network


def ids(texts: Framed) -> Array:
    """Return the token ids that occur."""
    return np.unique(texts.rows.values)


def shares(texts: Framed) -> tuple[float, float]:
    """Return the shares of texts longer than one row of tokens, and of truncated texts."""
    return float(texts.long.mean()), float(texts.cut.mean())


def windows(texts: Framed) -> float:
    """Rows of tokens for each text, all of which are read when it is answered."""
    return len(texts.rows) / max(len(texts.long), 1)
