"""The options of ``penna fit`` and ``penna check``: flags, help and panel of each, written once.

What each accepts is checked by ``fit_options``, which this file does not import: ``--help`` loads no library.
"""

from dataclasses import dataclass
from typing import Any

import typer

DATA, BUDGET, SEARCH, OUTPUT = "Data", "Budget", "Search", "Output"


@dataclass(frozen=True)
class Help:
    """Where an option is listed, what stands for its value, one line about it, and its flags if its name is not one."""

    panel: str
    metavar: str | None
    text: str
    flags: tuple[str, ...] = ()


_COLUMN = "COLUMN"

#: Option -> its help. "Inferred" means: Penna decides from the data and prints what it decided.
HELP: dict[str, Help] = {
    "target": Help(DATA, _COLUMN, "Target column. Repeat for one 0/1 column per label."),
    "text": Help(DATA, _COLUMN, "Text column. Repeatable. Default: inferred.", ("--text", "--source")),
    "text_pair": Help(DATA, _COLUMN, "Second text of a pair. Default: inferred from usual names."),
    "numeric_columns": Help(DATA, _COLUMN, "Column of numbers. Repeatable. Default: inferred."),
    "categorical_columns": Help(DATA, _COLUMN, "Column of categories. Repeatable. Default: inferred."),
    "date_columns": Help(DATA, _COLUMN, "Column of dates. Repeatable. Default: inferred."),
    "multi_value_columns": Help(DATA, _COLUMN, "Column of lists of names. Repeatable. Default: inferred."),
    "ignore_columns": Help(DATA, _COLUMN, "Column to ignore. Repeatable; * ignores all but text."),
    "group_column": Help(DATA, _COLUMN, "Column of groups: rows of one group stay in one fold."),
    "weight_column": Help(DATA, _COLUMN, "Column of row weights for training; weight 0 drops a row."),
    "test": Help(DATA, "FILE", "File with the test set. Default: rows held out from DATA."),
    "task": Help(
        DATA,
        "NAME",
        "classification, multilabel, regression, token_classification (ner), question_answering (qa), translation.",
    ),
    "separator": Help(DATA, "TEXT", "Separator between the labels of a cell. Default: inferred."),
    "tag_names": Help(DATA, "NAMES", "Names of whole-number tags, from 0 on: O,B-PER,I-PER. Default: the numbers."),
    "encoding": Help(DATA, "NAME", "Encoding of the file, such as utf-8, cp1252, shift_jis. Default: inferred."),
    "header": Help(
        DATA, None, "Whether the first line names the columns. Default: inferred.", ("--header/--no-header",)
    ),
    "max_expanded": Help(DATA, "SIZE", "Largest size that a compressed file may expand to."),
    "rare_classes": Help(DATA, "error|drop", "What to do with classes of one row."),
    "text_cleaning": Help(DATA, "STEPS", "auto, none, or some of unicode+markup+links+numbers+case+missing+spaces."),
    "label_noise": Help(
        DATA, "auto|keep|weight|drop", "How to treat suspicious labels, or pairs that are no translation."
    ),
    "oos_label": Help(DATA, "LABEL", "Label to predict if no class is likely. Default: inferred (oos)."),
    "budget": Help(BUDGET, "TIME", "Time for everything: 30s, 10m, 1.5h."),
    "max_size_mb": Help(BUDGET, "MB", "Largest size of the artifact, in megabytes."),
    "max_latency_ms": Help(BUDGET, "MS", "Longest time to predict one text, in milliseconds."),
    "n_jobs": Help(BUDGET, "N", "Cores to use. Default: all.", ("--n-jobs", "--threads")),
    "grace": Help(BUDGET, "TIME", "Time to finish with the best model so far after Ctrl-C or SIGTERM."),
    "families": Help(SEARCH, "NAMES", "Model families to search, separated by commas."),
    "encoder": Help(SEARCH, "NAME", "Encoder: a folder or a hub name. Repeatable. Default: the one that Penna ships."),
    "search_strategy": Help(SEARCH, "NAME", "auto, random, grid, tpe or gp."),
    "runner": Help(SEARCH, "NAME", "What runs the trials: local, or a runner of another package."),
    "metric": Help(SEARCH, "NAME", "Metric to optimize, such as accuracy, macro_f1, r2, chrf. Default: inferred."),
    "cv": Help(SEARCH, "K", "Number of folds. Default: chosen from the number of rows."),
    "test_size": Help(SEARCH, "SHARE", "Share of the rows to hold out as the test set. Default: chosen from the rows."),
    "postprocess": Help(SEARCH, "auto|none", "Whether to fit thresholds and calibration if they help."),
    "random_state": Help(
        SEARCH, "N", "Seed: the same seed gives the same folds and recipes.", ("--random-state", "--seed")
    ),
    "out": Help(OUTPUT, "FOLDER", "Folder of the run. Default: runs/<name of DATA>."),
    "resume": Help(OUTPUT, None, "Continue the run in --out; no trial is repeated.", ("--resume",)),
    "html": Help(OUTPUT, "FILE", "Also write one HTML page."),
    "as_json": Help(OUTPUT, None, "Print one JSON document with all row numbers.", ("--json",)),
    "quiet": Help(OUTPUT, None, "Print only the result, no progress.", ("--quiet", "-q")),
}

SOURCE = "CSV, TSV, JSON or Parquet file, may be compressed; or NAME of NAME.en and NAME.de."


def option(name: str) -> Any:
    """Return the typer option called ``name``."""
    about = HELP[name]
    flags = about.flags or (f"--{name.replace('_', '-')}",)
    return typer.Option(*flags, metavar=about.metavar, help=about.text, rich_help_panel=about.panel)
