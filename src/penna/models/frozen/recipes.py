"""The recipes of family ``frozen``: defaults, portfolio and search space."""

from typing import Any

from penna.data.output_kind import OutputKind
from penna.encoders.checkpoints import OWN
from penna.models.shared import encoder_depth, long_text_options
from penna.search.recipe import DatasetProfile, Hyperparameter, Recipe, Scalar

DEFAULTS: dict[str, Scalar] = {
    "depth": 1.0,  # share of the encoder's layers
    "pooling": OWN,
    "length": 128,
    "scaling": "unit",
    "head": "logistic",
    "c": 30.0,
    "k": 20,
    "hidden": 256,
    "dropout": 0.2,
    "class_weights": "none",
}
#: Loss of the task -> what its recipes start from.
_USUAL: dict[OutputKind, dict[str, Scalar]] = {
    OutputKind.CLASS_PROBABILITIES: DEFAULTS,
    OutputKind.NUMBERS: {k: v for k, v in DEFAULTS.items() if k != "class_weights"}
    | {"c": 10.0, "bins": 10, "alpha": 1.0},
    OutputKind.LABEL_PROBABILITIES: {k: v for k, v in DEFAULTS.items() if k != "class_weights"} | {"c": 10.0},
}
#: Fewer rows than this in a class: heads that need few examples come early.
FEW = 50
#: With fewer rows in all a trial meets many folds, and what tunes the encoder gains more than another head does.
TINY = 100

#: Loss of the task -> known-good choices. All but those of another depth reuse the first one's embeddings.
_CHOICES: dict[OutputKind, list[dict[str, Scalar]]] = {
    OutputKind.CLASS_PROBABILITIES: [
        {},
        # The upper layers of an encoder serve its own objective: sentiment, for one, is seen better below them.
        {"depth": 0.67},
        {"depth": 0.25},
        {"c": 3.0},
        {"c": 300.0},
        {"head": "knn"},
        {"head": "mlp"},
        {"depth": 0.67, "c": 300.0},
    ],
    OutputKind.LABEL_PROBABILITIES: [
        {},
        {"depth": 0.67},
        {"c": 2.0},  # a rare label has few rows to learn from
        {"head": "mlp"},
        {"depth": 0.25},
        {"depth": 0.67, "c": 2.0},
        {"c": 50.0},
        {"depth": 0.67, "head": "mlp"},
        {"head": "knn", "k": 40},
    ],
    OutputKind.NUMBERS: [
        {},
        {"depth": 0.67},
        {"head": "ridge", "bins": 0},
        {"depth": 0.25},
        {"c": 3.0},
        {"head": "mlp", "bins": 0},
        {"head": "knn", "bins": 200},
        {"head": "mlp", "bins": 20},
        {"depth": 0.67, "head": "ridge", "bins": 0},
    ],
}
_FOR_FEW: dict[OutputKind, list[dict[str, Scalar]]] = {OutputKind.CLASS_PROBABILITIES: [{"head": "prototype"}]}


def portfolio(profile: DatasetProfile) -> list[Recipe]:
    """Known-good recipes, cheapest first, each for every encoder. All but the first reuse its embeddings."""
    choices = list(_CHOICES.get(profile.output_kind, []))
    if profile.rows_in_smallest_class < FEW:
        choices[1:1] = _FOR_FEW.get(profile.output_kind, [])
    if profile.rows < TINY:
        choices = choices[:4]
    usual = _USUAL.get(profile.output_kind, DEFAULTS) | {"length": _usual_length(profile)}
    if profile.pair:
        # How alike two texts are is nearly a straight line in their cosine: cut into bins it is learned less well.
        choices.sort(key=lambda choice: choice.get("head") != "ridge")
        usual, choices = _milder(usual), [_milder(choice) for choice in choices]
    made = [
        Recipe.from_values("frozen", usual | choice | {"encoder": encoder, "depth": depth}, seed=profile.seed)
        for choice in choices
        for encoder, depth in encoder_depth.near(profile, float(choice.get("depth", 1.0)))  # type: ignore[arg-type]
    ]
    return long_text_options.others(made, profile, pairs=True)


def _milder(choice: dict[str, Scalar]) -> dict[str, Scalar]:
    """For the four times wider vectors of pairs: on stsb, mrpc and rte heads as strict as this were best."""
    times = {"c": 1 / 30, "alpha": 10.0}
    return {name: float(value) * times[name] if name in times else value for name, value in choice.items()}  # type: ignore[arg-type]


_HEADS = (
    Hyperparameter("c", low=0.03, high=300.0, log=True, when=("head", ("logistic",))),
    Hyperparameter("k", low=1, high=50, log=True, whole=True, when=("head", ("knn",))),
    Hyperparameter("hidden", values=(128, 256, 512), when=("head", ("mlp",))),
    Hyperparameter("dropout", low=0.0, high=0.5, when=("head", ("mlp",))),
)
#: Loss of the task -> the hyperparameters of its heads.
_TURNED: dict[OutputKind, tuple[Hyperparameter, ...]] = {
    OutputKind.CLASS_PROBABILITIES: (
        Hyperparameter("head", values=("logistic", "mlp", "knn", "prototype")),
        *_HEADS,
        Hyperparameter("class_weights", values=("none", "balanced"), when=("head", ("logistic", "mlp"))),
    ),
    # A label has no prototype of its own: what rows with it share is mostly their other labels.
    OutputKind.LABEL_PROBABILITIES: (Hyperparameter("head", values=("logistic", "mlp", "knn")), *_HEADS),
    OutputKind.NUMBERS: (
        Hyperparameter("head", values=("logistic", "mlp", "knn", "ridge")),
        *_HEADS,
        # A neighbour votes for its bin: with many, nearly for its own number.
        Hyperparameter("bins", values=(5, 10, 20, 200), when=("head", ("logistic", "mlp", "knn"))),
        Hyperparameter("alpha", low=0.01, high=100.0, log=True, when=("head", ("ridge",))),
    ),
}


def search_space(profile: DatasetProfile) -> tuple[Hyperparameter, ...]:
    """Return what a search may turn; nothing where there is no encoder."""
    if not profile.encoders:
        return ()
    return (
        Hyperparameter("encoder", values=profile.encoders),
        encoder_depth.hyperparameter(profile),
        encoder_depth.pooling_knob(profile, ("mean", "cls", "max")),
        Hyperparameter("length", values=tuple(sorted({64, 128, _usual_length(profile)}))),
        *long_text_options.long_knobs(profile),
        *long_text_options.pair_knobs(profile),
        Hyperparameter("scaling", values=("unit", "none", "standard")),
        *_TURNED.get(profile.output_kind, ()),
    )


def settings(recipe: Recipe) -> dict[str, Any]:
    """Return the value of every hyperparameter, with defaults."""
    return long_text_options.USUAL | DEFAULTS | dict(recipe.hyperparameters)


def _usual_length(profile: DatasetProfile) -> int:
    characters = profile.mean_characters / 2 if profile.pair else profile.mean_characters  # of one row of tokens
    return 256 if characters > 400 else 128
