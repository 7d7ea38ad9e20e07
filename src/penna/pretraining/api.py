"""``pretrain``, the public function: checks the options and starts ``run``. Heavy libraries load when it is called."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from penna import extras
from penna.durations import parse_seconds
from penna.environment import expanded
from penna.errors import SettingError, shown
from penna.escaping import visible
from penna.fit_options import settled
from penna.option_parsing import plain
from penna.pretraining import corpus as corpora
from penna.pretraining.request import Outcome, PretrainRequest, Progress
from penna.pretraining.run_folder import Folder
from penna.pretraining.settings import Settings, check
from penna.terminal.listeners import heard


class Lines:
    """Prints events to stderr, one line each."""

    def event(self, kind: str, **data: Any) -> None:
        """Print one event."""
        from penna.pretraining.logging import sentence

        line = sentence(data) if kind == "line" else data.get("message") or f"{data.get('name', kind)} ..."
        print(visible(line), file=sys.stderr, flush=True)


def pretrain(
    corpus: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    resume: bool = False,
    progress: Progress | Callable[..., Any] | bool | None = None,
    **options: Any,
) -> Outcome:
    """Pretrain an encoder on ``corpus`` and write it to ``out``/encoder in Hugging Face form.

    The same call continues a run that stopped or was killed.

    Parameters
    ----------
    corpus : path or sequence of paths
        Text files, JSON lines or folders of them, also compressed.
    out : path
        Folder of the run. The encoder is written to ``out``/encoder.
    resume : bool
        Continue the run in ``out`` with a longer budget or other settings.
    progress : True, object or callable, optional
        True prints each phase, and a line every ten seconds of training. An object with ``event(kind, **data)``, or a
        function ``(kind, **data)``, receives the events instead.
    **options
        The fields of ``pretraining.settings.Settings``, named as on the command line (``from_`` for ``--from``).
        ``budget`` is in seconds or like "25m", and covers everything.

    Returns
    -------
    Outcome
        The encoder's folder, steps, tokens, seconds and final losses.

    Raises
    ------
    SettingError
        If an option cannot work, or the budget ends before the first step.
    TableError
        If the corpus has no text.
    EncoderError
        If a checkpoint, a teacher or a tokenizer does not fit.
    RunError
        If ``out`` belongs to something else, is damaged, or the disk is full.

    Examples
    --------
    >>> from penna import pretrain
    >>> pretrain("notes/", "enc", arch="bert", size="tiny", budget="25m")  # doctest: +SKIP
    """
    started = time.monotonic()
    extras.require("encoders", "pretraining")
    checked = settled({"corpus": corpus, "out": out, "resume": resume, "progress": progress})
    if out is None:
        raise SettingError("out=None cannot work: give the path of a folder.")
    requested = _settings(options)
    files = corpora.files(checked["corpus"])

    from penna.pretraining import distributed, run

    folder = Folder(expanded(checked["out"]))
    order = PretrainRequest(files, checked["corpus"], folder, requested, checked["resume"], started)
    with distributed.joined() as world:
        return run.whole(order, world, heard(checked["progress"] if world.first else None, Lines).event)


_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "True or False"}


def _settings(options: Mapping[str, Any]) -> Settings:
    types = {field.name: field.type for field in fields(Settings)}
    if unknown := sorted(set(options) - set(types)):
        raise SettingError(f"pretrain has no option {unknown[0]!r}: choose from {', '.join(sorted(types))}.")
    values = {name: os.fspath(v) if isinstance(v, os.PathLike) else plain(v) for name, v in options.items()}
    if values.get("budget") is not None:
        values["budget"] = parse_seconds(values["budget"])
    for name, value in values.items():
        values[name] = _typed(name, value, get_args(types[name]) or (types[name],))
    return check(Settings(**values))


def _typed(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """Return the value if it has one of these types; 5.0 counts as a whole number. Raise SettingError if not."""
    if int in allowed and isinstance(value, float) and value.is_integer():
        return int(value)
    wider = (*allowed, int) if float in allowed else allowed
    if not isinstance(value, wider) or (isinstance(value, bool) and bool not in allowed):
        kinds = " or ".join(_KINDS[kind] for kind in allowed if kind is not type(None))
        raise SettingError(f"{name}={shown(value)} cannot work: give {kinds}.")
    return value
