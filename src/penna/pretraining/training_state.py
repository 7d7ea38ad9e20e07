"""Training states on disk: weights, moments and counts, written atomically. Safetensors and JSON only.

No random state is stored: every draw is a function of the seed and a batch's number, and the state has the number.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from penna.errors import RunError
from penna.pretraining import atomic_files

FORMAT = 1
_KEPT = 2
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
Named = Mapping[str, torch.nn.Parameter]


@dataclass(frozen=True)
class State:
    """The progress of a training: optimizer steps, seconds in all runs, seconds until its first step, and tokens."""

    step: int = 0
    seconds: float = 0.0
    began: float = 0.0
    tokens: int = 0


def save(folder: Path, state: State, named: Named, adamw: torch.optim.Optimizer) -> None:
    """Write a state below ``folder``, then remove all but the last two."""
    weights = {name: p.detach().to("cpu").contiguous() for name, p in named.items()}
    moments = {
        f"{name}.{moment}": torch.as_tensor(adamw.state[p][moment]).detach().to("cpu").contiguous()
        for name, p in named.items()
        for moment in _MOMENTS
        if moment in adamw.state.get(p, {})
    }

    def fill(new: Path) -> None:
        save_file(weights, new / "weights.safetensors")
        save_file(moments, new / "moments.safetensors")
        data = {"format": FORMAT, **vars(state)}
        (new / "state.json").write_text(json.dumps(data) + "\n", encoding="utf-8")

    atomic_files.whole(folder / f"{state.step:09d}", fill)
    for old in _states(folder)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def check_room(folder: Path, parameters: int) -> None:
    """Raise RunError unless the disk has room for three states and two encoders: old ones go after new ones exist."""
    needed = parameters * 4 * (3 * 3 + 2)
    place = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise RunError(
            f"the states of this training need {needed / 1e6:,.0f} MB on the disk that holds {folder}, and "
            f"{free / 1e6:,.0f} MB are free: free some, or give an --out on another disk."
        )


def newest(folder: Path) -> State | None:
    """Return the last state, or None if there is none. Raise RunError if it is damaged."""
    states = _states(folder)
    if not states:
        return None
    file = states[-1] / "state.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise ValueError("another version of Penna wrote it")
        return State(int(data["step"]), float(data["seconds"]), float(data["began"]), int(data["tokens"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(file, error) from error


def load(folder: Path, named: Named, adamw: torch.optim.Optimizer) -> None:
    """Load the last state's weights and moments. Raise RunError if they are damaged or of another shape."""
    place = _states(folder)[-1]
    weights, moments = _read(place / "weights.safetensors"), _read(place / "moments.safetensors")
    for name, parameter in named.items():
        stored = weights.get(name)
        if stored is None and not name.startswith("model."):
            continue  # an objective that was added later starts with its first weights
        if stored is None or stored.shape != parameter.shape:
            raise _damaged(place / "weights.safetensors", f"{name} is missing or of another shape")
        with torch.no_grad():
            parameter.copy_(stored)
        mine = {m: moments[f"{name}.{m}"] for m in _MOMENTS if f"{name}.{m}" in moments}
        if mine:
            # A fused optimizer needs its step count on the weights' device, in float32.
            adamw.state[parameter] = {m: t.to(parameter.device, torch.float32) for m, t in mine.items()}


def _read(file: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(file, "pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise _damaged(file, error) from error


def _states(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("[0-9]" * 9) if p.is_dir())


def _damaged(file: Path, error: object) -> RunError:
    return RunError(f"{file} is damaged ({error}): remove {file.parent} to continue from the state before it.")
