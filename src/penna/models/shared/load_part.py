"""How the parts of an artifact are opened: each by its family, within one another only as Penna writes them."""

from contextvars import ContextVar
from pathlib import Path

from penna import safe_load
from penna.errors import BundleError
from penna.models.base import Model, get_family

#: Families that hold others: a blend holds none of its kind at any depth, and stages none directly.
_HOLDING: ContextVar[tuple[str, ...]] = ContextVar("holding", default=())
_DEEPEST = 6


def part(family: str, folder: Path) -> Model:
    """Open what a family has saved there. Raises BundleError for whatever is wrong with it."""
    around = _HOLDING.get()
    if len(around) == _DEEPEST or (family in around and (family != "pipeline" or around[-1] == family)):
        raise BundleError(
            f"{folder} holds {family} within {' within '.join(around[::-1])}: Penna writes no such model."
        )
    token = _HOLDING.set((*around, family))
    try:
        with safe_load.damaged(folder):
            model: Model = get_family(family).load(folder)
    finally:
        _HOLDING.reset(token)
    return model
