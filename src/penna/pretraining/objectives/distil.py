"""Distillation: match a teacher's sentence embeddings, hidden states and relations on the same text.

``pooled`` and ``tokens`` compare directions (Sun et al. 2019; Reimers and Gurevych 2020). ``similarity`` compares
which texts of a batch are close, ``relations`` which tokens of a text are (Wang et al. 2021, section 3.1).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penna.data.arrays import Array
from penna.errors import SettingError
from penna.pretraining.batch import Batch
from penna.pretraining.objectives.base import Inputs, Measures, Objective, Pairing, Terms, View, parsed

if TYPE_CHECKING:
    import torch

    from penna.pretraining.network import Network, States

PARTS = ("pooled", "tokens", "similarity", "relations")
_WHOLE_TOKENS = {"tokens", "relations"}
#: Sharpens similarities before the comparison: all embeddings of a teacher are within a narrow cone.
TEMPERATURE = 0.05


def make(terms: Terms) -> Objective:
    """Return the objective. Raise SettingError without a teacher, EncoderError if it cannot provide the parts."""
    from penna.pretraining.objectives._teacher import Teacher

    if terms.teacher is None:
        raise SettingError("the objective distil needs a teacher: give --teacher, or leave distil out.")
    teacher = Teacher(terms.teacher, terms.vocabulary, terms.dtype, terms.device)
    usual = "pooled,tokens,similarity" if teacher.same else "pooled,similarity"
    parts = parsed(terms.parts or usual, "--distil", list(PARTS))
    teacher.check(terms.length, bool(_WHOLE_TOKENS & set(parts)))
    return Distilled(teacher, parts, terms)


class Distilled:
    """Compares a student's states with a teacher's, on clean rows only: the teacher reads no masks."""

    view: View = "clean"
    pairing: Pairing | None = None

    def __init__(self, teacher: Any, parts: dict[str, float], terms: Terms) -> None:
        import torch
        from torch import nn

        self.teacher, self.parts, self.flops = teacher, parts, teacher.flops
        self.module = nn.Module()
        # One projection for each comparison of directions; a student as wide as its teacher needs none.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(terms.seed)
            for name in ("pooled", "tokens"):
                if name in parts and terms.width != teacher.width:
                    self.module.add_module(name, nn.Linear(terms.width, teacher.width, bias=False))
        if "relations" in parts:
            self.projections = teacher.projections

    def prepare(self, batch: Batch, rows: slice, number: int, progress: float) -> dict[str, Array]:
        """Return the rows in the teacher's tokens, and the masks of both."""
        ids, mask = self.teacher.read(batch, rows)
        return {"distil.ids": ids, "distil.teacher": mask, "distil.mask": batch.mask[rows]}

    def aim(self, inputs: Inputs) -> "dict[str, torch.Tensor]":
        """Return the teacher's states and mean embeddings."""
        seen = self.teacher.see(inputs["distil.ids"], inputs["distil.teacher"], "relations" in self.parts)
        out = {"distil.last": seen.last, "distil.pooled": _mean(seen.last, seen.mask)}
        return out if seen.before is None else out | {"distil.before": seen.before}

    def loss(self, network: "Network", states: "States", inputs: Inputs) -> "tuple[torch.Tensor, Measures]":
        """Return the weighted loss over the parts, and the measure of each."""
        own, mask = states.last.float(), inputs["distil.mask"]
        sight = _Sight(states, own, _mean(own, mask), mask, inputs)
        total = own.sum() * 0.0
        measures: Measures = {}
        for name, weight in self.parts.items():
            loss, measure = getattr(self, f"_{name}")(sight)
            total = total + weight * loss
            measures |= measure
        return total, measures

    def _mapped(self, name: str, states: "torch.Tensor") -> "torch.Tensor":
        mapping = dict(self.module.named_children()).get(name)
        return states if mapping is None else mapping(states)

    def _pooled(self, sight: "_Sight") -> "tuple[torch.Tensor, Measures]":
        return _direction("distil cosine", self._mapped("pooled", sight.pooled), sight.inputs["distil.pooled"])

    def _tokens(self, sight: "_Sight") -> "tuple[torch.Tensor, Measures]":
        own, its = self._mapped("tokens", sight.own), sight.inputs["distil.last"]
        return _direction("distil token cosine", own, its, sight.mask)

    def _similarity(self, sight: "_Sight") -> "tuple[torch.Tensor, Measures]":
        from torch.nn import functional

        if len(sight.pooled) < 3:  # each text has fewer than two others
            none = sight.pooled.sum() * 0.0
            return none, {"distil similarity": (none.detach(), none.new_zeros(()))}
        student, teacher = _near(sight.pooled), _near(sight.inputs["distil.pooled"])
        loss = functional.kl_div(student, teacher, log_target=True, reduction="batchmean")
        return loss, {"distil similarity": (loss.detach(), loss.new_ones(()))}

    def _relations(self, sight: "_Sight") -> "tuple[torch.Tensor, Measures]":
        from penna.pretraining.objectives import _teacher

        states, mask = sight.states, sight.mask
        before = sight.inputs["distil.before"]
        parts = _teacher.heads(sight.own.shape[-1], self.teacher.width)
        loss = sight.pooled.sum() * 0.0
        for mine, its in zip(_teacher.projections(states.layer, "student"), self.projections, strict=True):
            student = _related(mine(states.before), mask, parts)
            teacher = _related(its(before.to(its.weight.dtype)), mask, parts).detach()
            apart = (teacher.exp() * (teacher - student)).sum(-1)  # (b, parts, s)
            loss = loss + (apart * mask[:, None]).sum() / (mask.sum() * parts * len(self.projections))
        return loss, {"distil relations": (loss.detach(), loss.new_ones(()))}


@dataclass(frozen=True)
class _Sight:
    """A student's states at one exit, in float32 and pooled, its mask, and the teacher's states of the same text."""

    states: "States"
    own: "torch.Tensor"  # (b, s, width)
    pooled: "torch.Tensor"  # (b, width)
    mask: "torch.Tensor"  # (b, s) bool
    inputs: Inputs


def _mean(states: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Return (b, width), the mean over each text's tokens."""
    weight = mask[:, :, None].to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)


def _direction(
    name: str, own: "torch.Tensor", other: "torch.Tensor", mask: Any = None
) -> "tuple[torch.Tensor, Measures]":
    """Return 1 - cosine, averaged over rows, or over the tokens of ``mask``."""
    from torch.nn import functional

    cosine = functional.cosine_similarity(own.float(), other, dim=-1)
    total = cosine.sum() if mask is None else (cosine * mask).sum()
    count = total.new_full((), cosine.numel()) if mask is None else mask.sum()
    return 1 - total / count, {name: (total.detach(), count)}


def _near(pooled: "torch.Tensor") -> "torch.Tensor":
    """Return (b, b - 1) log-probabilities over the other texts, by similarity."""
    from torch.nn import functional

    unit = functional.normalize(pooled, dim=-1)
    n = len(unit)
    others = (unit @ unit.T).flatten()[:-1].view(n - 1, n + 1)[:, 1:].reshape(n, n - 1)  # all except the diagonal
    return functional.log_softmax(others / TEMPERATURE, -1)


def _related(states: "torch.Tensor", mask: "torch.Tensor", parts: int) -> "torch.Tensor":
    """Return (b, parts, s, s) log-probabilities of the relations between the tokens of a text."""
    b, s, width = states.shape
    cut = states.float().view(b, s, parts, width // parts).transpose(1, 2)
    scores = cut @ cut.transpose(2, 3) / (width // parts) ** 0.5
    return scores.masked_fill(~mask[:, None, None, :], -30_000.0).log_softmax(-1)
