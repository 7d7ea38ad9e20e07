"""The settings of a pretraining: default, limits and help of each, and which may change when a run is resumed.

``penna pretrain`` is generated from ``Settings``, so this module holds plain values and imports no library.
"""

import re
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any

from penna.errors import RunError, SettingError, shown

OBJECTIVES = "pretraining.objectives"
#: Settings that may change when a run continues with --resume: how long and how fast it trains, not what.
FLEXIBLE = frozenset(
    {"budget", "steps", "lr", "warmup_ratio", "schedule", "weight_decay", "max_grad_norm", "mask_rate", "batch_tokens"}
    | {"gradient_accumulation_steps", "unmasked_share", "dropout", "objectives", "distil", "teacher", "depths"}
    | {"exit_training", "short_seq_prob"}
)
#: Settings that change nothing about what is learned, and may always differ.
FREE = frozenset(
    {"threads", "fp16", "tensorboard", "compile", "save_steps", "licenses", "attention", "cache", "log_steps"}
)
#: Names in settings.json files of earlier versions -> names of today.
RENAMED: Mapping[str, str] = {
    "borrow": "init_from_teacher",
    "vocab": "vocab_size",
    "share": "layer_sharing",
    "hidden": "hidden_size",
    "ffn": "intermediate_size",
    "embedding": "embedding_size",
    "length": "max_seq_length",
    "positions": "max_position_embeddings",
    "accumulate": "gradient_accumulation_steps",
    "warmup": "warmup_ratio",
    "clip": "max_grad_norm",
    "exits": "exit_training",
    "clean": "unmasked_share",
    "short": "short_seq_prob",
    "apart": "document_separator",
    "licences": "licenses",
    "half": "fp16",
}
DATA, ENCODER, OBJECTIVE, TRAINING, RUN = "Data", "Encoder", "Objectives", "Training", "Run"


def _option(
    default: Any,
    panel: str,
    metavar: str | None,
    text: str,
    *,
    flag: str | None = None,
    limits: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a field with its help: panel, placeholder of the value, one line, and the flag if the name is not it."""
    about = {"panel": panel, "metavar": metavar, "help": text, "flag": flag, "limits": limits, "choices": choices}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Settings:
    """The options of one pretraining. None means "not given": derived from other settings, or as the run began."""

    arch: str | None = _option(None, ENCODER, "albert|bert", "Architecture. Default: albert.")
    size: str | None = _option(
        None, ENCODER, "NAME", "Named size: tiny, mini, small, medium, base ... xxlarge. Default: mini."
    )
    layers: int | None = _option(None, ENCODER, "N", "Number of layers. Default: as --size.")
    hidden_size: int | None = _option(None, ENCODER, "N", "Width of the layers. Default: as --size.")
    heads: int | None = _option(None, ENCODER, "N", "Attention heads of a layer. Default: as --size.")
    intermediate_size: int | None = _option(
        None, ENCODER, "N", "Width inside the feed-forward block. Default: 4 times --hidden-size."
    )
    embedding_size: int | None = _option(None, ENCODER, "N", "Width of ALBERT's embeddings. Default: as --size.")
    layer_sharing: str | None = _option(
        None,
        ENCODER,
        "HOW",
        "Layers that share weights: all, groups:N, cycle:N, attention, none. Default: all (ALBERT).",
    )
    max_position_embeddings: int | None = _option(
        None, ENCODER, "N", "Tokens that the encoder can read. Default: --max-seq-length.", limits=(8, 65536)
    )
    from_: str | None = _option(
        None, ENCODER, "CHECKPOINT", "Continue from this BERT or ALBERT, with its tokenizer.", flag="--from"
    )
    init_from_teacher: str | None = _option(
        None, ENCODER, "LAYERS", "Copy embeddings and these layers of --teacher, such as 1,3,5 or auto."
    )
    tokenizer: str | None = _option(None, ENCODER, "FOLDER", "Tokenizer to use. Default: trained on the corpus.")
    vocab_size: int | None = _option(
        None, ENCODER, "N", "Tokens to learn, or to keep of --tokenizer. Default: chosen by width.", limits=(8, 1e7)
    )
    lowercase: bool = _option(
        True, ENCODER, None, "Whether a trained tokenizer lowercases text.", flag="--lowercase/--cased"
    )
    text_field: str | None = _option(
        None, DATA, "NAME", "Field of the text in JSON lines. Default: text, or the only string."
    )
    document_separator: str = _option(
        "auto",
        DATA,
        "auto|blank|file",
        "What ends a document in text files: blank lines, or the file.",
        choices=("auto", "blank", "file"),
    )
    cache: str | None = _option(None, DATA, "FOLDER", "Folder for the corpus as tokens. Default: inside --out.")
    licenses: str | None = _option(
        None, DATA, "FILE", "Text on licenses of the data, for the model card. Default: the corpus' README."
    )
    objectives: str = _option("mlm", OBJECTIVE, "NAMES", "Some of mlm, sop, nsp, distil, with weights: mlm:1,sop:0.5.")
    mask_rate: str = _option(
        "0.15", OBJECTIVE, "SHARE", "Share of tokens that mlm masks: 0.15, or 0.3:0.15 from start to end."
    )
    teacher: str | None = _option(None, OBJECTIVE, "CHECKPOINT", "Encoder that distil learns from.")
    distil: str | None = _option(
        None, OBJECTIVE, "PARTS", "Parts to distill: some of pooled, tokens, similarity, relations, with weights."
    )
    unmasked_share: float = _option(
        0.5, OBJECTIVE, "SHARE", "Share of rows that mlm leaves unmasked for distil.", limits=(0, 1)
    )
    depths: str | None = _option(
        None, OBJECTIVE, "LIST", "Inner depths to train for as well, such as 3,6,12. Default: the whole encoder only."
    )
    exit_training: str = _option(
        "joint",
        OBJECTIVE,
        "joint|single",
        "Train an inner depth together with the whole encoder, or one depth a step.",
        choices=("joint", "single"),
    )
    budget: float | None = _option(None, TRAINING, "TIME", "Time for everything: 30s, 25m, 1.5h.")
    steps: int | None = _option(None, TRAINING, "N", "Optimizer steps.", limits=(1, 1e9))
    max_seq_length: int = _option(128, TRAINING, "N", "Most tokens of an example.", limits=(8, 8192))
    short_seq_prob: float = _option(
        0.1, TRAINING, "SHARE", "Share of examples that are cut to a random shorter length.", limits=(0, 1)
    )
    batch_tokens: int | None = _option(
        None, TRAINING, "N", "Most tokens of a batch, with padding. Default: 8,192; on a GPU 32,768.", limits=(8, 1e9)
    )
    gradient_accumulation_steps: int = _option(1, TRAINING, "N", "Batches for one optimizer step.", limits=(1, 1e5))
    lr: float | None = _option(
        None, TRAINING, "RATE", "Peak learning rate. Default: chosen by width.", limits=(1e-9, 10)
    )
    warmup_ratio: float = _option(0.06, TRAINING, "SHARE", "Share of the training for warm-up.", limits=(0, 0.9))
    schedule: str = _option(
        "linear", TRAINING, "linear|cosine", "How the learning rate falls to zero.", choices=("linear", "cosine")
    )
    weight_decay: float = _option(0.01, TRAINING, "RATE", "Weight decay of matrices.", limits=(0, 10))
    max_grad_norm: float = _option(1.0, TRAINING, "NORM", "Norm to which gradients are clipped.", limits=(1e-6, 1e6))
    dropout: float = _option(0.0, TRAINING, "RATE", "Dropout.", limits=(0, 0.9))
    seed: int = _option(0, TRAINING, "N", "Seed: the same seed gives the same batches.", limits=(0, 2**32 - 1))
    threads: int | None = _option(None, RUN, "N", "Cores to use. Default: all.", limits=(1, 4096))
    dtype: str | None = _option(
        None, RUN, "float32|bfloat16", "Number format. Default: the faster on this machine.",
        choices=("float32", "bfloat16"),
    )  # fmt: skip
    compile: str = _option(
        "auto", RUN, "auto|yes|no", "Whether to compile layers; auto measures it.", choices=("auto", "yes", "no")
    )
    attention: str = _option(
        "auto", RUN, "auto|sdpa|eager", "Attention kernel: fused or plain.", choices=("auto", "sdpa", "eager")
    )
    save_steps: int = _option(0, RUN, "N", "Save every N steps, besides every 5 minutes. 0: never.", limits=(0, 1e9))
    log_steps: int = _option(0, RUN, "N", "Log every N steps. 0: every 10 seconds.", limits=(0, 1e9))
    tensorboard: bool = _option(False, RUN, None, "Also write TensorBoard event files.", flag="--tensorboard")
    fp16: bool = _option(False, RUN, None, "Write the encoder in float16.", flag="--fp16")

    @property
    def weights(self) -> dict[str, float]:
        """The objectives and the weight of each."""
        from penna import plugins
        from penna.pretraining.objectives.base import parsed

        return parsed(self.objectives, "--objectives", plugins.names(OBJECTIVES))

    @property
    def rate(self) -> tuple[float, float]:
        """The share of tokens to mask, at the start and at the end.

        >>> Settings(mask_rate="0.3:0.15").rate, Settings(mask_rate="0.2").rate
        ((0.3, 0.15), (0.2, 0.2))
        """
        match = re.fullmatch(r"(0?\.\d+)(?::(0?\.\d+))?", self.mask_rate.strip())
        rates = (float(match[1]), float(match[2] or match[1])) if match else (0.0, 0.0)
        if not all(0 < rate <= 0.9 for rate in rates):
            raise SettingError(f"--mask-rate {self.mask_rate!r} cannot be: write a share like 0.15, or 0.3:0.15.")
        return rates


def check(settings: Settings) -> Settings:
    """Return the same settings. Raise SettingError for the first that cannot work, alone or with the others."""
    for each in fields(Settings):
        _check_value(each, getattr(settings, each.name))
    weights, _ = settings.weights, settings.rate
    if settings.budget is None and settings.steps is None:
        raise SettingError("say how long to train: --budget 25m, --steps 10000, or both (the first to come ends it).")
    if {"sop", "nsp"} <= set(weights):
        raise SettingError("sop and nsp pair segments in different ways: take one of the two.")
    if "distil" in weights and not settings.teacher:
        raise SettingError("the objective distil needs a teacher: give --teacher, or leave distil out.")
    if "distil" not in weights and (settings.teacher or settings.distil):
        raise SettingError("--teacher and --distil are for the objective distil: add it to --objectives.")
    if settings.init_from_teacher and (not settings.teacher or settings.from_):
        raise SettingError(
            "--init-from-teacher starts a new encoder with layers of a teacher: give --teacher, and no --from."
        )
    positions, length = settings.max_position_embeddings, settings.max_seq_length
    if positions is not None and positions < length:
        raise SettingError(f"--max-position-embeddings {positions} is less than --max-seq-length {length}: give more.")
    return settings


def _check_value(option_field: "Field[Any]", value: Any) -> None:
    """Raise SettingError if a value is outside the limits or the choices of its option."""
    limits, choices = option_field.metadata["limits"], option_field.metadata["choices"]
    if value is None:
        return
    if limits and not limits[0] <= value <= limits[1]:
        shown_value = f"{value:g}" if isinstance(value, float) else shown(value)
        raise SettingError(f"{option(option_field.name)} {shown_value} cannot be: give {limits[0]:g} to {limits[1]:g}.")
    if choices and value not in choices:
        raise SettingError(f"{option(option_field.name)} {value!r} is not known: take {' or '.join(choices)}.")


def option(name: str) -> str:
    """Return the command-line option of a setting.

    >>> option("from_"), option("max_seq_length")
    ('--from', '--max-seq-length')
    """
    return "--" + name.strip("_").replace("_", "-")


def ngrams(arch: str) -> int:
    """Return the most words of a masked span, as ALBERT and as BERT were trained."""
    return 3 if arch == "albert" else 1


def going_on(requested: Settings, stored: Mapping[str, Any], resume: bool, folder: str) -> Settings:
    """Return the settings of a run that continues: ``requested``, and ``stored`` for each that was not given.

    Raise RunError if a setting differs that may not, with ``resume`` or without.
    """
    stored = {RENAMED.get(name, name): value for name, value in stored.items()}
    plain, defaults = asdict(requested), asdict(Settings())
    length = ("budget", "steps") if requested.budget is not None or requested.steps is not None else ()
    for name in (f.name for f in fields(Settings) if f.name not in FREE and f.name in stored):
        omitted = name not in length and (plain[name] is None or (resume and plain[name] == defaults[name]))
        if omitted:
            plain[name] = stored[name]
        elif plain[name] != stored[name] and not (resume and name in FLEXIBLE):
            way = ", or add --resume to change it from here on" if name in FLEXIBLE else ""
            raise RunError(
                f"{folder} was begun with {option(name)} {stored[name]}, not {plain[name]}: give another --out{way}."
            )
    return replace(requested, **plain)
