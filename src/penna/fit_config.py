"""The options of a fit: type, default, check, help and flags of each, in one place.

``penna fit``, ``penna check`` and the table in ``docs/commands.md`` are generated from ``FitConfig``. Tests compare
``AutoText`` and ``penna.check`` with it. ``penna --help`` loads this module, so it imports no library.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from penna import option_checks
from penna.option_checks import Check

if TYPE_CHECKING:
    from penna.data.readers.format_options import Form

DATA, BUDGET, SEARCH, OUTPUT = "Data", "Budget", "Search", "Output"
#: Time of ``penna check`` and ``penna.check``, which train small models only.
CHECK_BUDGET = "60s"


class Option(NamedTuple):
    """One option of a fit.

    Parameters
    ----------
    check : Check
        What the option accepts, and how a value is read.
    panel : str
        Heading in ``--help``. Empty if the option is for Python only.
    metavar : str, optional
        Placeholder of the value in ``--help``. None for a flag.
    help : str
        One line that says what the option sets. Defaults other than None are added to it.
    flags : tuple of str
        Names at the command line. Default: the name of the field.
    written_as : type, optional
        Type of the value at the command line. Default: the type of the field.
    commas : bool
        Whether the command line takes one text of names with commas between them.
    in_check : bool
        Whether ``penna check`` and ``penna.check`` have this option, too.
    name, type, default : str, type and object
        Those of the field of ``FitConfig``.
    """

    check: Check
    panel: str
    metavar: str | None
    help: str
    flags: tuple[str, ...] = ()
    written_as: Any = None
    commas: bool = False
    in_check: bool = False
    name: str = ""
    type: Any = None
    default: Any = None


def _option(default: Any, check: Check, panel: str, metavar: str | None, text: str, *flags: str, **more: Any) -> Any:
    """Return a field with its ``Option`` as metadata."""
    return field(default=default, metadata={"option": Option(check, panel, metavar, text, flags, **more)})


def _columns(text: str, default: Any = (), *flags: str, check: Check = option_checks.COLUMNS) -> Any:
    return _option(default, check, DATA, "COLUMN", text, *flags, in_check=True)


def _column(text: str) -> Any:
    return _columns(text, None, check=option_checks.COLUMN)


@dataclass(frozen=True)
class FitConfig:
    """The options of a fit, checked: whatever ``AutoText`` and ``penna fit`` accept, as Penna uses it.

    Parameters
    ----------
    **options
        Any parameters of ``AutoText``, with the same defaults. Values become plain: NumPy's scalars are Python's, a
        column is a tuple of names, a budget is seconds, a path is a Path.

    Raises
    ------
    SettingError
        For the first value that is not accepted; the message names the option.

    Examples
    --------
    >>> config = FitConfig(budget="1m", text="review")
    >>> config.budget, config.text, config.cv
    (60.0, ('review',), None)
    """

    budget: float = _option(
        "10m", option_checks.BUDGET, BUDGET, "TIME", "Time for everything: 30s, 10m, 1.5h.",
        written_as=str, in_check=True,
    )  # fmt: skip
    max_size_mb: float | None = _option(
        None, option_checks.CEILING, BUDGET, "MB", "Largest size of the artifact, in megabytes."
    )
    max_latency_ms: float | None = _option(
        None, option_checks.CEILING, BUDGET, "MS", "Longest time to predict one text, in milliseconds."
    )
    families: tuple[str, ...] = _option(
        option_checks.FAMILIES, option_checks.FAMILY_NAMES, SEARCH, "NAMES", "Model families to search.",
        written_as=str, commas=True,
    )  # fmt: skip
    encoders: tuple[str, ...] = _option(
        (), option_checks.ENCODERS, SEARCH, "NAME",
        "Encoder: a folder or a hub name. Repeatable. Default: the one that Penna ships.", "--encoder", in_check=True,
    )  # fmt: skip
    metric: str | None = _option(
        None, option_checks.METRIC, SEARCH, "NAME",
        "Metric to optimize, such as accuracy, macro_f1, r2, chrf. Default: inferred.",
    )  # fmt: skip
    cv: int | None = _option(
        None, option_checks.CV, SEARCH, "K", "Number of folds. Default: chosen from the number of rows."
    )
    test_size: float | None = _option(
        None, option_checks.SHARE, SEARCH, "SHARE",
        "Share of the rows to hold out as the test set. Default: chosen from the rows.",
    )  # fmt: skip
    search_strategy: str = _option(
        "auto", option_checks.STRATEGY, SEARCH, "NAME", "Strategy: auto, random, grid, tpe or gp."
    )
    runner: str = _option(
        "local", option_checks.RUNNER, SEARCH, "NAME", "What runs the trials: local, or a runner of another package."
    )
    exporter: str = _option(
        "onnx", option_checks.EXPORTER, OUTPUT, "NAME",
        "Format of encoders: onnx, or one of another package.",
    )  # fmt: skip
    precision: str = _option(
        "fp32", option_checks.PRECISION, OUTPUT, "auto|fp32|int8",
        "Numbers of encoders; auto: int8 if it costs little.",
    )  # fmt: skip
    tolerance: float = _option(
        0.5, option_checks.TOLERANCE, OUTPUT, "POINTS", "Most points of the metric that int8 may cost."
    )
    random_state: int = _option(
        0, option_checks.SEED, SEARCH, "N", "Seed: the same seed gives the same folds and recipes.",
        "--random-state", "--seed", in_check=True,
    )  # fmt: skip
    n_jobs: int | None = _option(
        None, option_checks.THREADS, BUDGET, "N", "Cores to use. Default: all.", "--n-jobs", "--threads", in_check=True
    )
    out: Path | None = _option(  # noqa: RUF009
        None, option_checks.RUN_FOLDER, OUTPUT, "FOLDER", "Folder of the run. Default: runs/<name of DATA>.",
        written_as=str,
    )  # fmt: skip
    text: tuple[str, ...] | None = _columns("Text column. Repeatable. Default: inferred.", None, "--text", "--source")
    text_pair: str | None = _column("Second text of a pair. Default: inferred from usual names.")
    numeric_columns: tuple[str, ...] = _columns("Column of numbers. Repeatable. Default: inferred.")
    categorical_columns: tuple[str, ...] = _columns("Column of categories. Repeatable. Default: inferred.")
    date_columns: tuple[str, ...] = _columns("Column of dates. Repeatable. Default: inferred.")
    multi_value_columns: tuple[str, ...] = _columns("Column of lists of names. Repeatable. Default: inferred.")
    ignore_columns: tuple[str, ...] = _columns(
        "Column to ignore. Repeatable; * ignores all but text.", check=option_checks.IGNORED_COLUMNS
    )
    group_column: str | None = _column("Column of groups: rows of one group stay in one fold.")
    weight_column: str | None = _column("Column of row weights for training; weight 0 drops a row.")
    task: str = _option(
        "auto", option_checks.TASK, DATA, "NAME", "Task: classification, multilabel, regression, ner, qa, translation.",
        in_check=True,
    )  # fmt: skip
    separator: str | None = _option(
        None, option_checks.SEPARATOR, DATA, "TEXT", "Separator between the labels of a cell. Default: inferred.",
        in_check=True,
    )  # fmt: skip
    tag_names: tuple[str, ...] | None = _option(
        None, option_checks.TAG_NAMES, DATA, "NAMES",
        "Names of whole-number tags, from 0 on: O,B-PER,I-PER. Default: the numbers.", written_as=str, in_check=True,
    )  # fmt: skip
    encoding: str | None = _option(
        None, option_checks.ENCODING, DATA, "NAME",
        "Encoding of the file, such as utf-8, cp1252, shift_jis. Default: inferred.", in_check=True,
    )  # fmt: skip
    header: bool | None = _option(
        None, option_checks.HEADER, DATA, None, "Whether the first line names the columns. Default: inferred.",
        "--header/--no-header", in_check=True,
    )  # fmt: skip
    max_expanded: int = _option(
        "20GB", option_checks.SIZE, DATA, "SIZE", "Largest size that a compressed file may expand to.",
        written_as=str, in_check=True,
    )  # fmt: skip
    rare_classes: str = _option(
        "error", option_checks.RARE_CLASSES, DATA, "error|drop", "What to do with classes of one row."
    )
    text_cleaning: str = _option(
        "auto",
        option_checks.CLEANING,
        DATA,
        "STEPS",
        "Cleaning: auto, none, or steps such as unicode+markup+links+spaces.",
    )
    oos_label: Any = _option(  # noqa: RUF009
        None, option_checks.NEW_LABEL, DATA, "LABEL",
        "Label to predict if no class is likely. Default: inferred (oos).", written_as=str,
    )  # fmt: skip
    label_noise: str = _option(
        "auto", option_checks.LABEL_NOISE, DATA, "HOW", "Rows with a suspicious label: auto, keep, weight or drop."
    )
    postprocess: str = _option(
        "auto",
        option_checks.POSTPROCESS,
        SEARCH,
        "auto|none",
        "Whether to fit thresholds and calibration if they help.",
    )
    resume: bool = _option(
        False, option_checks.FLAG, OUTPUT, None, "Continue the run in --out; no trial is repeated.", "--resume"
    )
    progress: Any = _option(  # noqa: RUF009
        False, option_checks.LISTENER, "", None, "Whether to show the progress, or a listener that gets every event."
    )

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            given = getattr(self, name)
            given = () if given is None and option.default == () else given
            object.__setattr__(self, name, option.check.value(name, given))

    @property
    def form(self) -> "Form":
        """How the bytes of a file are read."""
        from penna.data.readers.format_options import Form

        return Form(self.encoding, self.header, self.max_expanded)


def _complete(each: "Field[Any]") -> Option:
    option: Option = each.metadata["option"]
    flags = option.flags or (f"--{each.name.replace('_', '-')}",)
    return option._replace(flags=flags, name=each.name, type=each.type, default=each.default)


#: Name -> option, in the order of AutoText's parameters.
OPTIONS: Mapping[str, Option] = {each.name: _complete(each) for each in fields(FitConfig)}
