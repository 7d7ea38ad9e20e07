"""The contract of a search strategy: it starts with the baseline, repeats nothing and depends on its seed alone."""

from penna import plugins
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, SearchSpace
from penna.search.strategies.base import Strategy
from penna.search.trials import State, Trial

_SPACE = SearchSpace((("linear", (Hyperparameter("c", low=0.01, high=100.0, log=True),)),))
_PORTFOLIO = [Recipe.of("linear", c=c) for c in (1.0, 10.0)]


def check_strategy(name: str, trials: int = 8) -> None:
    """Check everything that a search strategy has to keep. Raises AssertionError."""
    first, second = _played(name, trials), _played(name, trials)
    assert first, f"{name} proposes nothing"
    assert first[0].recipe == _PORTFOLIO[0], f"{name} does not start with the baseline"
    assert len({t.proposal_key for t in first}) == len(first), f"{name} proposes something twice"
    assert [t.recipe for t in first] == [t.recipe for t in second], f"{name}: the same seed gives other recipes"


def _played(name: str, most: int) -> list[Trial]:
    strategy: Strategy = plugins.find("search.strategies", name).make(
        _SPACE, _PORTFOLIO, DatasetProfile(200, 2, 80, 30.0)
    )
    trials: list[Trial] = []
    while len(trials) < most and (proposal := strategy.ask(trials, 1000.0)) is not None:
        score = 0.9 - abs(float(proposal.recipe["c"]) - 3.0) / 1000
        trials.append(
            Trial(
                proposal.recipe,
                State.COMPLETE,
                folds=proposal.folds,
                scores=(score,) * len(proposal.folds),
                score_std_errors=(0.01,) * len(proposal.folds),
                seconds=1.0,
                number=len(trials),
                proposal_key=proposal.key,
                phase=proposal.phase,
            )
        )
    return trials
