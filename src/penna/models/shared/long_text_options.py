"""How an encoder reads what is more than one short text: hyperparameters that families offer where rows need them.

Knows no text.

long   texts beyond the length are read by "windows", or their "head" alone
pair   each text of a pair by itself ("apart"), or both in one row ("joined")
"""

from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar

#: What a recipe means where it says nothing.
USUAL: dict[str, Scalar] = {"long": "windows", "pair": "apart"}
#: Of fewer rows than this a part is at stake: no trial is spent on how it is read.
_WORTH = 0.02


def long_knobs(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameter for long texts, if there are enough."""
    return (Hyperparameter("long", values=("windows", "head")),) if profile.long >= _WORTH else ()


def pair_knobs(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameter for pairs, if the texts are pairs."""
    return (Hyperparameter("pair", values=("apart", "joined")),) if profile.pair else ()


def others(recipes: list[Recipe], profile: DatasetProfile, *, pairs: bool) -> list[Recipe]:
    """Return the recipes, and the first of them again in the other ways that these rows can be read in."""
    if not recipes:
        return recipes
    long = [recipes[0].replace(long="head")] if long_knobs(profile) else []
    joined = [recipes[0].replace(pair="joined")] if pairs and profile.pair else []
    return [*recipes[:2], *long, *recipes[2:], *joined]
