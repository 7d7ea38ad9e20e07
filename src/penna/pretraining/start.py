"""``pretrain``: a corpus in, an encoder out. The doing stands in ``run``.

Nothing heavy is imported before it is called.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, get_args

from penna.budget import parse_seconds
from penna.environment import expanded
from penna.errors import SettingError
from penna.pretraining import corpus as corpora
from penna.pretraining.keeping import Folder
from penna.pretraining.settings import Settings, check


class Progress(Protocol):
    """Hears what goes on: ``phase`` (name), ``notice`` (message), ``line`` (every figure of a log line by its name)."""

    def event(self, kind: str, **data: Any) -> None: ...


Tell = Callable[..., None]


@dataclass(frozen=True)
class Order:
    """What was asked for: files, the names they were given by, where to, how, and when on the monotonic clock."""

    files: list[Path]
    given: tuple[str, ...]
    folder: Folder
    asked: Settings
    resume: bool
    started: float


@dataclass(frozen=True)
class Outcome:
    """What became of a pretraining. ``why``: "done", or "interrupted" (the same call goes on from there)."""

    encoder: Path
    steps: int
    tokens: int
    seconds: float
    measures: Mapping[str, float]
    why: str


def pretrain(
    corpus: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Outcome:
    """Pretrain an encoder on ``corpus`` and write it to ``out``/encoder in Hugging Face form.

    The options are those of ``Settings``, named as at the command line (``from_`` for --from); ``budget`` is in seconds
    or like "25m", and holds for everything. The same call goes on where an earlier one stopped or was killed;
    ``resume`` allows it to train longer, or otherwise than before.

    Raises SettingError, TableError, EncoderError or RunError.
    """
    started = time.monotonic()
    asked = _settings(options)
    given = [corpus] if isinstance(corpus, str | Path) else list(corpus)
    files = corpora.files(given)

    from penna.pretraining import processes, run

    folder = Folder(expanded(out))
    order = Order(files, tuple(map(str, given)), folder, asked, resume, started)
    with processes.joined() as world:
        tell = progress.event if progress is not None and world.first else _nothing
        return run.whole(order, world, tell)


def _nothing(kind: str, **data: Any) -> None:
    pass


def _settings(options: Mapping[str, Any]) -> Settings:
    known = {field.name: field.type for field in fields(Settings)}
    if unknown := sorted(set(options) - set(known)):
        raise SettingError(f"pretrain has no option {unknown[0]!r}: choose from {', '.join(sorted(known))}.")
    plain: dict[str, Any] = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    if plain.get("budget") is not None:
        plain["budget"] = parse_seconds(plain["budget"])
    for name, value in plain.items():
        _check_type(name, value, get_args(known[name]) or (known[name],))
    return check(Settings(**plain))


def _check_type(name: str, value: object, allowed: tuple[Any, ...]) -> None:
    wider = (*allowed, int) if float in allowed else allowed
    if not isinstance(value, wider) or (isinstance(value, bool) and bool not in allowed):
        kinds = " or ".join(kind.__name__ for kind in allowed if kind is not type(None))
        raise SettingError(f"{name} is {value!r}: give {kinds}.")
