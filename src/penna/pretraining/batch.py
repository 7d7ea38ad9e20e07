"""One batch of pretraining text: what the data side hands to the training side. A leaf: numpy only, no torch."""

from dataclasses import dataclass

import numpy as np

from penna.data.arrays import Array


@dataclass(frozen=True)
class Batch:
    """b examples of at most s tokens: ``[CLS] A [SEP]`` or ``[CLS] A [SEP] B [SEP]``, filled up with the pad id.

    ``pair`` counts as the published models count: for "order" 0 is in order and 1 swapped (ALBERT's
    ``sentence_order_label``), for "next" 0 is the next segment and 1 a random one (BERT's ``next_sentence_label``).
    """

    ids: Array  # (b, s) int32
    types: Array  # (b, s) int8: 0 for A, 1 for B
    lengths: Array  # (b,) int64: tokens that are not padding
    pair: Array  # (b,) int64: 0 or 1, and -1 where there is no B

    @property
    def mask(self) -> Array:
        """(b, s) bool: what is not padding."""
        return np.arange(self.ids.shape[1])[None, :] < self.lengths[:, None]
