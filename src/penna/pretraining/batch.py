"""One batch of pretraining text: the interface between the data side and the training side. NumPy only, no torch."""

from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array


@dataclass(frozen=True)
class Batch:
    """b examples of at most s tokens: ``[CLS] A [SEP]`` or ``[CLS] A [SEP] B [SEP]``, padded with the pad id.

    ``pair`` has the labels of the published models. For "order", 0 is in order and 1 swapped (ALBERT's
    ``sentence_order_label``). For "next", 0 is the next segment and 1 a random one (BERT's ``next_sentence_label``).
    """

    ids: Array  # (b, s) int32
    types: Array  # (b, s) int8: 0 for A, 1 for B
    lengths: Array  # (b,) int64: tokens that are not padding
    pair: Array  # (b,) int64: 0 or 1, and -1 without a B

    @property
    def mask(self) -> Array:
        """The (b, s) bool mask of tokens that are not padding."""
        return np.arange(self.ids.shape[1])[None, :] < self.lengths[:, None]
