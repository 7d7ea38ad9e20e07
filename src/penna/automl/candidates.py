"""The candidates of a search: recipes and hyperparameters of its families, and those that all families share."""

from collections.abc import Sequence

from penna import plugins
from penna.automl.evaluate import SearchProblem
from penna.models.base import get_family
from penna.preprocessing import cleaning_choices, label_noise, serialize
from penna.search.recipe import Recipe, SearchSpace
from penna.search.strategies.base import Strategy
from penna.search.trials import State, Trial

#: Columns tell something where a model gains more by them than this share of its score's spread.
GAIN = 0.25
_READ = "columns"  # the hyperparameter of a recipe that reads columns by themselves


def strategy(
    problem: SearchProblem,
    families: Sequence[str],
    name: str,
    recipes: Sequence[Recipe],
    ways: Sequence[str] = (),
    settled: bool = True,
) -> Strategy:
    """Return the strategy of this name, with the recipes and the hyperparameters of these families.

    ``ways`` of treating rows whose label is doubted become a hyperparameter; before it is ``settled`` which is ahead,
    the first recipe is tried in each.
    """
    modules = {name: get_family(name) for name in families}
    columns, needs = problem.profile.columns, {name: module.REQUIRES for name, module in modules.items()}
    own = {name: module.search_space(problem.profile) for name, module in modules.items()}
    own |= {
        name: (*hyperparameters, *serialize.hyperparameters(columns, needs[name], problem.profile.blank))
        for name, hyperparameters in own.items()
        if hyperparameters
    }
    # A family without hyperparameters of its own has nothing to search: it lacks an encoder.
    common = (*cleaning_choices.hyperparameters(problem.profile.cleanings), *label_noise.hyperparameters(ways))
    space = SearchSpace(
        tuple((name, (*hyperparameters, *common) if hyperparameters else ()) for name, hyperparameters in own.items())
    )
    offered = label_noise.offered(recipes, ways, settled)
    made: Strategy = plugins.find("search.strategies", name).make(space, offered, problem.profile)
    return made


def portfolio(problem: SearchProblem, families: Sequence[str]) -> list[Recipe]:
    """Known-good recipes of these families, in the order to be tried, with the usual cleaning: a trusted one second."""
    modules = {name: get_family(name) for name in families}
    columns, needs = problem.profile.columns, {name: module.REQUIRES for name, module in modules.items()}
    offered = [serialize.offered(m.portfolio(problem.profile), columns, needs[name]) for name, m in modules.items()]
    recipes = cleaning_choices.cleaned(offered, problem.profile.cleanings)
    if first := few_shot_default(problem, recipes):
        recipes.remove(first)
        recipes.insert(1, first)
    return recipes


def few_shot_default(problem: SearchProblem, recipes: Sequence[Recipe]) -> Recipe | None:
    """Return the one that is served where rows are too few to choose by, unless another is clearly better.

    The first of a family that says so of itself. None where rows are enough.
    """
    return next((r for r in recipes if get_family(r.family).few_shot_default(problem.profile)), None)


def columns_help(trials: Sequence[Trial]) -> bool | None:
    """Whether a model got better by columns other than the text.

    None where none was tried both with and without them.
    """
    done = [t for t in trials if t.state is State.COMPLETE and t.recipe.fidelity == 1]
    with_them, without = (
        [t for t in done if (_READ in dict(t.recipe.hyperparameters)) == reads] for reads in (True, False)
    )
    for plain in without:
        for reading in with_them:
            alike = (plain.recipe.family, plain.folds) == (reading.recipe.family, reading.folds)
            if alike and dict(plain.recipe.hyperparameters).items() < dict(reading.recipe.hyperparameters).items():
                return reading.score > plain.score + GAIN * plain.score_std
    return None


def without_columns(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Return the recipes without the columns next to the text.

    The first recipe was tried already, and stays. Columns without information are noise to a linear model, and make the
    rows of an encoder longer.
    """
    return list(dict.fromkeys([recipes[0], *map(_plain, recipes[1:])]))


def _plain(recipe: Recipe) -> Recipe:
    recipe = get_family(recipe.family).text_only(recipe)
    hyperparameters = {name: value for name, value in recipe.hyperparameters if name != serialize.HYPERPARAMETER}
    return Recipe.from_values(recipe.family, hyperparameters, fidelity=recipe.fidelity, seed=recipe.seed)
