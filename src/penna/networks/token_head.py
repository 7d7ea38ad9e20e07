"""An encoder with a head on some of its tokens. Knows tensors; never a table."""

import torch
from torch import nn

from penna.features.crf_attributes import CUES
from penna.heads.crf_marginals import NEVER
from penna.metrics import entities
from penna.networks.encoder_with_head import Network
from penna.training import linear_chain

#: Transition scores are this many times their weights. A head's rate moves a weight by a few thousandths in a step:
#: much for one of the hundreds of weights of a tag score, and little for the single weight of a transition.
_SWIFT = 10.0


class WordNetwork(Network):
    """Takes token ids, mask and positions (rows, most) of words; returns (rows, most, columns) logits.

    A position of -1 means no word. ``cues`` (rows, most, k) are optional features of each word, added to its logits.
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__(encoder, width, columns, pooling, dropout)
        self.cues = nn.Linear(CUES, columns, bias=False)
        nn.init.zeros_(self.cues.weight)

    @property
    def transitions(self) -> torch.Tensor | None:
        """The (columns, columns) transition scores, if tags are chosen together."""
        return None

    def shares(self, scores: torch.Tensor) -> torch.Tensor:
        """Return (words, columns) probabilities of the words of one text, from their scores."""
        probabilities: torch.Tensor = scores.softmax(dim=1)
        return probabilities

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        words: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        cues: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Run the network on a batch."""
        typed = {} if token_type_ids is None else {"token_type_ids": token_type_ids}  # some encoders have no types
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **typed).last_hidden_state
        at = words.clamp_min(0).unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        logits: torch.Tensor = self.head(self.dropout(hidden.gather(1, at)))
        if cues is not None:
            logits = logits + self.cues(cues)
        # If the parts of a row compete, missing words must lose.
        return logits.masked_fill((words < 0).unsqueeze(-1), -1e4)


class ChainNetwork(WordNetwork):
    """A token classifier with a CRF: the tags of a text are chosen together.

    The last ``columns`` of its (rows, most + columns, columns) logits are transition scores, the same in every row
    (``training.linear_chain``).
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__(encoder, width, columns, pooling, dropout)
        self.chain = _Chain(columns)

    @property
    def transitions(self) -> torch.Tensor:
        """The (columns, columns) transition scores."""
        scores: torch.Tensor = self.chain()
        return scores

    def shares(self, scores: torch.Tensor) -> torch.Tensor:
        """Return (words, columns) marginal probabilities of the words of one text."""
        mask = torch.ones(1, len(scores), dtype=torch.bool)
        return linear_chain.marginals(torch.cat([scores, self.transitions])[None], mask)[0]

    def forward(self, *args: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch."""
        logits = super().forward(*args, **inputs).float()
        return torch.cat([logits, self.transitions.expand(len(logits), -1, -1)], dim=1)


class _Chain(nn.Module):  # type: ignore[misc]
    """The (columns, columns) transition scores: learned for legal transitions, very low for others."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(columns, columns))
        self.register_buffer("legal", torch.from_numpy(entities.legal(columns)), persistent=False)

    def forward(self) -> torch.Tensor:
        return torch.where(self.legal, _SWIFT * self.weight, NEVER)
