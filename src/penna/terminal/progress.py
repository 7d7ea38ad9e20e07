"""Live progress of a fit: one line on a terminal, plain lines elsewhere. Told by events; knows only the clock."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.text import Text

from penna.budget import Deadline
from penna.escaping import visible
from penna.terminal.display import amount, clock, named_columns, number, screen
from penna.terminal.trial_lines import Skips, Usual

if TYPE_CHECKING:
    from penna.search.trials import Trial


class Console:
    """Listens to the events of a fit. Usable as ``with Console(deadline) as progress: AutoText(progress=progress)``."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.screen = screen(stderr=True)
        self.best: Trial | None = None
        self.done = 0
        self.now = "reading"
        self.now_since = time.monotonic()
        self.now_predicted: float | None = None
        self.in_trial = False
        self.at = ""
        self.usual, self.skips = Usual(), Skips()
        # Live redraws in a thread of its own, so the time left runs on while a fit computes.
        self.live = Live(console=self.screen, get_renderable=self.line, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Console":
        if self.screen.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self.live.stop()

    def event(self, kind: str, **data: Any) -> None:
        """Take in one event; kinds that are not known here are passed over."""
        listeners: dict[str, Callable[..., None]] = {
            "table": self._table,
            "plan": self._plan,
            "phase": self._phase,
            "skipped": self._skipped,
            "trial_start": self._trial_start,
            "step": self._step,
            "trial_end": self._trial_end,
        }
        skipped = kind == "skipped" or (kind == "trial_end" and str(data["trial"].state) == "skipped")
        if not skipped and kind != "trial_start":
            self._flush()
        if kind in listeners:
            listeners[kind](**data)

    def line(self) -> Text:
        """Return the line as it stands now, most wanted first, for narrow terminals cut it off at the right."""
        parts = [f"{clock(self.deadline.left())} left"]
        if self.best is not None:
            parts.append(f"best {score_of(self.best)} {self.best.recipe.family}")
        predicted = self.now_predicted or 0.0
        about = f" of about {clock(predicted)}" if predicted >= 1 else ""
        counted = f"trial {self.done + 1}: " if self.in_trial else ""
        parts.append(f"{counted}{clock(time.monotonic() - self.now_since)}{about}")
        parts += [self.at] if self.at else []
        parts.append(self.now)
        return Text(visible(" · ".join(parts)), no_wrap=True, overflow="ellipsis", style="cyan")

    def _say(self, text: str, style: str = "") -> None:
        self.screen.print(f"{self.deadline.spent():7.1f} s  {text}", style=style, soft_wrap=True)

    def _set(self, now: str, in_trial: bool = False, predicted: float | None = None) -> None:
        self.now, self.in_trial, self.now_predicted, self.at = now, in_trial, predicted, ""
        self.now_since = time.monotonic()

    def _table(self, rows: int, roles: Mapping[str, str], findings: Sequence[str] = (), **_: Any) -> None:
        self._say(f"{rows:,} rows; columns: {named_columns(roles)}")
        self._notes(findings)

    def _plan(self, test_rows: int, folds: int, metric: str, findings: Sequence[str] = (), **_: Any) -> None:
        kept = f"{test_rows:,} test rows; " if test_rows else ""
        self._say(kept + (f"{folds} folds" if folds > 1 else "one validation part") + f", scored by {metric}")
        self._notes(findings)

    def _notes(self, findings: Sequence[str]) -> None:
        for finding in findings:
            self._say(f"note: {finding}", "yellow")

    def _phase(self, name: str, **_: Any) -> None:
        self._set(name)
        self._say(name, "bold")

    def _skipped(self, name: str, reason: str, **_: Any) -> None:
        self.skips.add(name, reason)

    def _flush(self) -> None:
        for line in self.skips.lines():
            self._say(line, "yellow")

    def _trial_start(self, recipe: str, predicted: float | None = None, **_: Any) -> None:
        self._set(str(recipe), True, predicted)

    def _step(self, step: int, of: int, score: float, **_: Any) -> None:
        self.at = f"step {step} of {of}: {number(score)}"

    def _trial_end(self, trial: "Trial", best: "Trial | None" = None, **_: Any) -> None:
        better = best is not None and best.number == trial.number
        self.best, self.done, self.at = best, self.done + 1, ""
        name = self.usual.brief(trial.recipe, 60)
        if str(trial.state) == "skipped":
            self.skips.add(name, trial.reason)
            return
        if trial.scores and not trial.reason:
            text = f"{score_of(trial)}  {name}  {amount(trial.seconds, 's')}"
        else:
            text = f"{trial.state}  {name}: {trial.reason}"
        # A terminal has the live line for the rest; a log has nothing else.
        if better or trial.reason or not self.screen.is_terminal:
            self._say(text + ("  <- best so far" if better else ""), "green" if better else "")


def score_of(trial: "Trial") -> str:
    """``0.9123 ± 0.0041``."""
    return f"{number(trial.score)} ± {number(trial.score_std)}"
