"""The depths at which a family offers an encoder, as shares of its layers, and how it pools.

Knows checkpoints; never a network.
"""

from collections.abc import Iterator

from penna.encoders import checkpoints
from penna.encoders.checkpoints import OWN
from penna.errors import EncoderError
from penna.search.recipe import DatasetProfile, Hyperparameter

#: An encoder that has no depth within this share of its layers from what a recipe asks for is left out of it.
NEAR = 0.2


def near(profile: DatasetProfile, share: float) -> Iterator[tuple[str, float]]:
    """Yield each encoder with its own depth that is nearest to ``share``."""
    for encoder in profile.encoders:
        nearest = min(shares(encoder), key=lambda own: abs(own - share))
        if abs(nearest - share) <= NEAR:
            yield encoder, nearest


def hyperparameter(profile: DatasetProfile) -> Hyperparameter:
    """Return the hyperparameter for depth: every depth of any encoder; other encoders take their nearest."""
    return Hyperparameter("depth", values=tuple(sorted({s for e in profile.encoders for s in shares(e)}, reverse=True)))


def pooling_knob(profile: DatasetProfile, tried: tuple[str, ...]) -> Hyperparameter:
    """Return the encoder's own pooling, and those that are worth trying with one of the encoders next to it."""
    own = {_pooling(encoder) for encoder in profile.encoders}
    return Hyperparameter("pooling", values=(OWN, *(name for name in tried if own != {name})))


def _pooling(encoder: str) -> str:
    try:
        return checkpoints.find(encoder, offline=True).pooled(OWN)
    except EncoderError:
        return "mean"


def shares(encoder: str) -> tuple[float, ...]:
    """Return an encoder's depths that are worth trying, deepest first."""
    try:
        return checkpoints.find(encoder, offline=True).shares  # a fit has found it before, on the net or not
    except EncoderError:  # the recipe will be skipped, with this reason
        return checkpoints.SHARES
