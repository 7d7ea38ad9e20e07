"""How an encoder is made from plain text: corpus, sentences, vocabulary, shards, segments, objectives, training.

The data side (up to ``segments``) knows numpy and files; only the training side knows torch.
"""

from penna.pretraining.api import Outcome, pretrain

__all__ = ["Outcome", "pretrain"]
