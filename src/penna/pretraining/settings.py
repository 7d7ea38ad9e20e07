"""The settings of a pretraining, and what may differ when it goes on. Plain values; knows no torch."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from penna import plugins
from penna.errors import RunError, SettingError, shown
from penna.pretraining.objectives.base import parsed

OBJECTIVES = "pretraining.objectives"
#: What may differ when a run goes on with --resume: how long and how fast it learns, not what.
FLEXIBLE = frozenset(
    {"budget", "steps", "lr", "warmup", "schedule", "weight_decay", "clip", "mask_rate", "batch_tokens", "accumulate"}
    | {"clean", "dropout", "objectives", "distil", "teacher", "depths", "exits", "short"}
)
#: What changes nothing that is learned, and may always differ.
FREE = frozenset(
    {"threads", "half", "tensorboard", "compile", "save_steps", "licences", "attention", "cache", "log_steps"}
)


@dataclass(frozen=True)
class Settings:
    """One pretraining. None is "not given": a choice that depends on the others, or what the run began with."""

    arch: str | None = None  # albert or bert
    size: str | None = None
    objectives: str = "mlm"
    budget: float | None = None  # seconds for everything
    steps: int | None = None
    from_: str | None = None  # a checkpoint to go on from
    teacher: str | None = None
    distil: str | None = None  # what to learn from the teacher
    borrow: str | None = None  # layers of the teacher to begin with
    tokenizer: str | None = None  # a folder
    vocab: int | None = None
    lowercase: bool = True
    share: str | None = None
    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    ffn: int | None = None
    embedding: int | None = None
    length: int = 128
    positions: int | None = None  # that the encoder can read; as many as it is trained on
    batch_tokens: int | None = None
    accumulate: int = 1
    lr: float | None = None
    warmup: float = 0.06
    schedule: str = "linear"
    weight_decay: float = 0.01
    clip: float = 1.0
    mask_rate: str = "0.15"
    depths: str | None = None
    exits: str = "joint"
    dropout: float = 0.0
    clean: float = 0.5  # share of rows that mlm leaves alone where distil learns from them
    short: float = 0.1
    text_field: str | None = None
    apart: str = "auto"  # what separates documents in text files
    seed: int = 0
    threads: int | None = None
    dtype: str | None = None  # the quicker one, measured when the run begins
    compile: str = "auto"
    attention: str = "auto"
    cache: str | None = None  # where tokens are kept; in the folder of the run
    save_steps: int = 0  # besides every five minutes; 0: no more often
    log_steps: int = 0  # 0: about every ten seconds
    licences: str | None = None
    tensorboard: bool = False
    half: bool = False

    @property
    def weights(self) -> dict[str, float]:
        """The objectives and what each weighs."""
        return parsed(self.objectives, "--objectives", plugins.names(OBJECTIVES))

    @property
    def rate(self) -> tuple[float, float]:
        """The share of tokens to mask, at the beginning and at the end.

        >>> Settings(mask_rate="0.3:0.15").rate, Settings(mask_rate="0.2").rate
        ((0.3, 0.15), (0.2, 0.2))
        """
        found = re.fullmatch(r"(0?\.\d+)(?::(0?\.\d+))?", self.mask_rate.strip())
        rates = (float(found[1]), float(found[2] or found[1])) if found else (0.0, 0.0)
        if not all(0 < rate <= 0.9 for rate in rates):
            raise SettingError(f"--mask-rate {self.mask_rate!r} cannot be: write a share like 0.15, or 0.3:0.15.")
        return rates


_NUMBERS: Mapping[str, tuple[float, float]] = {
    "steps": (1, 1e9),
    "vocab": (8, 1e7),
    "length": (8, 8192),
    "positions": (8, 65536),
    "batch_tokens": (8, 1e9),
    "accumulate": (1, 1e5),
    "lr": (1e-9, 10),
    "warmup": (0, 0.9),
    "weight_decay": (0, 10),
    "clip": (1e-6, 1e6),
    "dropout": (0, 0.9),
    "clean": (0, 1),
    "short": (0, 1),
    "seed": (0, 2**32 - 1),
    "threads": (1, 4096),
    "save_steps": (0, 1e9),
    "log_steps": (0, 1e9),
}
_CHOICES: Mapping[str, tuple[str | None, ...]] = {
    "schedule": ("linear", "cosine"),
    "apart": ("auto", "blank", "file"),
    "exits": ("joint", "single"),
    "compile": ("auto", "yes", "no"),
    "attention": ("auto", "sdpa", "eager"),
    "dtype": ("float32", "bfloat16", None),
}


def check(settings: Settings) -> Settings:
    """Return the same settings. Raises SettingError on the first that cannot work, alone or with the others."""
    for name, (least, most) in _NUMBERS.items():
        value = getattr(settings, name)
        if value is not None and not least <= value <= most:
            shown_value = f"{value:g}" if isinstance(value, float) else shown(value)
            raise SettingError(f"{option(name)} {shown_value} cannot be: give {least:g} to {most:g}.")
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise SettingError(
                f"{option(name)} {getattr(settings, name)!r} is not known: take {' or '.join(filter(None, choices))}."
            )
    weights, _ = settings.weights, settings.rate
    if settings.budget is None and settings.steps is None:
        raise SettingError("say how long to train: --budget 25m, --steps 10000, or both (the first to come ends it).")
    if {"sop", "nsp"} <= set(weights):
        raise SettingError("sop and nsp pair segments in different ways: take one of the two.")
    if "distil" in weights and not settings.teacher:
        raise SettingError("the objective distil needs a teacher: give --teacher, or leave distil out.")
    if "distil" not in weights and (settings.teacher or settings.distil):
        raise SettingError("--teacher and --distil are for the objective distil: add it to --objectives.")
    if settings.borrow and (not settings.teacher or settings.from_):
        raise SettingError("--borrow begins a new encoder with layers of a teacher: give --teacher, and no --from.")
    if settings.positions is not None and settings.positions < settings.length:
        raise SettingError(f"--positions {settings.positions} is less than --length {settings.length}: give more.")
    return settings


def option(name: str) -> str:
    """Return what a setting is called at the command line."""
    return "--" + name.strip("_").replace("_", "-")


def ngrams(arch: str) -> int:
    """Words that a masked span may have: as ALBERT and as BERT were trained."""
    return 3 if arch == "albert" else 1


def going_on(requested: Settings, kept: Mapping[str, Any], resume: bool, folder: str) -> Settings:
    """Return ``requested`` for a folder that was begun with ``kept``: what was not given stays as it was.

    Raises RunError where something differs that may not, with ``resume`` or without.
    """
    plain, usual = asdict(requested), asdict(Settings())
    length = ("budget", "steps") if requested.budget is not None or requested.steps is not None else ()
    for name in (f.name for f in fields(Settings) if f.name not in FREE and f.name in kept):
        unsaid = name not in length and (plain[name] is None or (resume and plain[name] == usual[name]))
        if unsaid:
            plain[name] = kept[name]
        elif plain[name] != kept[name] and not (resume and name in FLEXIBLE):
            way = ", or add --resume to change it from here on" if name in FLEXIBLE else ""
            raise RunError(
                f"{folder} was begun with {option(name)} {kept[name]}, not {plain[name]}: give another --out{way}."
            )
    return replace(requested, **plain)
