"""``pretrain``: a corpus in, an encoder out. The doing stands in ``run``.

Nothing heavy is imported before it is called.
"""

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
    """Tells what goes on, line by line on stderr."""

    def event(self, kind: str, **data: Any) -> None:
        """Take one event."""
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

    The options are those of ``Settings``, named as at the command line (``from_`` for --from); ``budget`` is in seconds
    or like "25m", and holds for everything. The same call goes on where an earlier one stopped or was killed;
    ``resume`` allows it to train longer, or otherwise than before. ``progress=True`` prints a line for each phase and
    every ten seconds of training; an object with ``event(kind, **data)``, or a function (kind, **data), hears them.

    Raises SettingError, TableError, EncoderError or RunError.
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
    known = {field.name: field.type for field in fields(Settings)}
    if unknown := sorted(set(options) - set(known)):
        raise SettingError(f"pretrain has no option {unknown[0]!r}: choose from {', '.join(sorted(known))}.")
    given = {name: os.fspath(v) if isinstance(v, os.PathLike) else plain(v) for name, v in options.items()}
    if given.get("budget") is not None:
        given["budget"] = parse_seconds(given["budget"])
    for name, value in given.items():
        given[name] = _typed(name, value, get_args(known[name]) or (known[name],))
    return check(Settings(**given))


def _typed(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """Return the value, of one of these types; whole numbers may be written as 5.0.

    Raises SettingError for any other.
    """
    if int in allowed and isinstance(value, float) and value.is_integer():
        return int(value)
    wider = (*allowed, int) if float in allowed else allowed
    if not isinstance(value, wider) or (isinstance(value, bool) and bool not in allowed):
        kinds = " or ".join(_KINDS[kind] for kind in allowed if kind is not type(None))
        raise SettingError(f"{name}={shown(value)} cannot work: give {kinds}.")
    return value
