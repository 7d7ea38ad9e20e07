"""What a search may propose: the recipes and knobs of its families, with those that every family shares."""

from collections.abc import Sequence

from penna import plugins
from penna.automl.evaluate import Work
from penna.preprocessing import cleaning_choices, label_noise, serialize
from penna.search.recipe import Recipe, Space
from penna.search.strategies.base import Strategy
from penna.search.trials import State, Trial

#: Columns tell something where a model gains more by them than this share of its score's spread.
GAIN = 0.25
_READ = "columns"  # the knob of a recipe that reads columns by themselves


def strategy(
    work: Work,
    families: Sequence[str],
    name: str,
    recipes: Sequence[Recipe],
    ways: Sequence[str] = (),
    settled: bool = True,
) -> Strategy:
    """The strategy of this name, with the recipes and the knobs of these families.

    ``ways`` of treating rows whose label is doubted become a knob; before it is ``settled`` which is ahead, the first
    recipe is tried in each.
    """
    modules = {name: plugins.find("models", name) for name in families}
    columns, needs = work.profile.columns, {name: getattr(module, "NEEDS", "") for name, module in modules.items()}
    own = {name: module.knobs(work.profile) for name, module in modules.items()}
    own |= {
        name: (*knobs, *serialize.knobs(columns, needs[name], work.profile.blank))
        for name, knobs in own.items()
        if knobs
    }
    # A family without knobs of its own has nothing to search: it lacks an encoder.
    common = (*cleaning_choices.knobs(work.profile.cleanings), *label_noise.knobs(ways))
    space = Space(tuple((name, (*knobs, *common) if knobs else ()) for name, knobs in own.items()))
    offered = label_noise.offered(recipes, ways, settled)
    made: Strategy = plugins.find("search.strategies", name).make(space, offered, work.profile)
    return made


def portfolio(work: Work, families: Sequence[str]) -> list[Recipe]:
    """Known-good recipes of these families, in the order to be tried, with the usual cleaning: a trusted one second."""
    modules = {name: plugins.find("models", name) for name in families}
    columns, needs = work.profile.columns, {name: getattr(module, "NEEDS", "") for name, module in modules.items()}
    offered = [serialize.offered(m.portfolio(work.profile), columns, needs[name]) for name, m in modules.items()]
    recipes = cleaning_choices.cleaned(offered, work.profile.cleanings)
    if first := trusted(work, recipes):
        recipes.remove(first)
        recipes.insert(1, first)
    return recipes


def trusted(work: Work, recipes: Sequence[Recipe]) -> Recipe | None:
    """The one that is served where rows are too few to choose by, unless another is clearly better: the first of a
    family that says so of itself. None where rows are enough."""
    asked = {name: getattr(plugins.find("models", name), "trusted", None) for name in {r.family for r in recipes}}
    return next((r for r in recipes if (says := asked[r.family]) and says(work.profile)), None)


def columns_tell(trials: Sequence[Trial]) -> bool | None:
    """Whether a model got better by columns beside the text; None where none was tried both with and without them."""
    done = [t for t in trials if t.state is State.COMPLETE and t.recipe.effort == 1]
    with_them, without = ([t for t in done if (_READ in dict(t.recipe.knobs)) == reads] for reads in (True, False))
    for plain in without:
        for reading in with_them:
            alike = (plain.recipe.family, plain.folds) == (reading.recipe.family, reading.folds)
            if alike and dict(plain.recipe.knobs).items() < dict(reading.recipe.knobs).items():
                return reading.score > plain.score + GAIN * plain.spread
    return None


def without_columns(recipes: Sequence[Recipe]) -> list[Recipe]:
    """The same recipes with the text alone, but for the first, which was tried, and those that read columns alone.

    Columns that tell nothing are noise to a linear model, and an encoder takes longer over longer rows.
    """
    return list(dict.fromkeys([recipes[0], *map(_plain, recipes[1:])]))


def _plain(recipe: Recipe) -> Recipe:
    alone = getattr(plugins.find("models", recipe.family), "of_text", None)
    if alone is not None:
        recipe = alone(recipe)
    knobs = {name: value for name, value in recipe.knobs if name != serialize.KNOB}
    return Recipe.made(recipe.family, knobs, effort=recipe.effort, seed=recipe.seed)
