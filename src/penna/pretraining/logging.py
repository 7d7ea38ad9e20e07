"""The log of a training: lines for people, log.jsonl for programs, TensorBoard on request. Knows numbers and files."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penna.errors import MissingExtra

if TYPE_CHECKING:
    from penna.pretraining.loop import Line

#: Fields of every line, besides losses and measures.
FIXED = frozenset({"step", "progress", "seconds", "lr", "tokens", "tokens_per_second", "flops_per_token", "mfu"})
#: The share of a log that counts as the end of a training.
LATE = 0.1


@dataclass
class Log:
    """``log.jsonl`` of a run; ``flops`` is the cost of one token, ``rate`` the machine's FLOP/s."""

    file: Path
    flops: float
    rate: float
    board: Any = None

    def tell(self, line: "Line") -> dict[str, Any]:
        """Write a line and return what was written."""
        entry = record(line, self.flops, self.rate)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        for name, value in entry.items() if self.board else ():
            self.board.add_scalar(name.replace(" ", "/"), value, entry["step"])
        return entry


def record(line: "Line", flops: float, rate: float) -> dict[str, Any]:
    """Return a line as a dict: every figure by name, with losses and accuracies."""
    return {
        "step": line.state.step,
        "progress": round(line.progress, 6),
        "seconds": round(line.state.seconds, 3),
        "lr": line.lr,
        **line.means,
        "tokens": line.state.tokens,
        "tokens_per_second": round(line.tokens_per_second, 1),
        "flops_per_token": round(flops),
        "mfu": round(line.tokens_per_second * flops / rate, 4),
    }


def sentence(entry: Mapping[str, Any]) -> str:
    """Return one line for people.

    >>> sentence({"step": 5, "progress": 0.5, "loss": 2, "mlm": 2, "tokens_per_second": 1200, "mfu": 0.41, "lr": 1e-3})
    'step 5  50.0 %  loss 2.000  mlm 2.000  1,200 tokens/s  MFU 41 %  lr 0.001'
    """
    measured = "  ".join(f"{n} {v:.3f}" for n, v in entry.items() if n not in FIXED and n != "loss" and "@" not in n)
    return (
        f"step {entry['step']}  {entry['progress']:.1%}  loss {entry['loss']:.3f}  {measured}  "
        f"{entry['tokens_per_second']:,.0f} tokens/s  MFU {entry['mfu']:.0%}  lr {entry['lr']:.3g}"
    ).replace("%", " %")


def cut_back(file: Path, step: int) -> float:
    """Remove the lines after ``step``, which is trained again; return the most seconds in any line."""
    if not file.is_file():
        return 0.0
    seconds, lines = 0.0, []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
            seconds = max(seconds, float(entry["seconds"]))
            if int(entry["step"]) <= step:
                lines.append(line)
        except (ValueError, KeyError, TypeError):
            continue  # truncated by a kill
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return seconds


def closing(file: Path) -> dict[str, float]:
    """Return each loss and measure as its mean over the last tenth of a log: a single line varies much."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    late = [json.loads(line) for line in lines[-math.ceil(len(lines) * LATE) :]]
    names = dict.fromkeys(name for line in late for name in line if name not in FIXED)
    # A line can lack a measure: an exit was not drawn, or an objective had no rows.
    late_values = {name: [line[name] for line in late if name in line] for name in names}
    return {name: sum(values) / len(values) for name, values in late_values.items()}


def check_board() -> None:
    """Raise MissingExtra if TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        raise MissingExtra("tensorboard", "--tensorboard")


def board(folder: Path) -> Any:
    """Return a writer of TensorBoard's event files."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))
