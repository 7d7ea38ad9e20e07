"""An encoder with a head on some of its tokens. Knows tensors; never a table."""

import torch
from torch import nn

from penna.features.crf_attributes import CUES
from penna.heads.crf_marginals import NEVER
from penna.metrics import entities
from penna.networks.encoder_with_head import Network
from penna.training import linear_chain

#: Scores from tag to tag are so many times what is learned of them. A head's rate moves a weight by a few thousandths
#: in a step, which is much for one of hundreds that make a score, and little where one weight is all of it.
_SWIFT = 10.0


class WordNetwork(Network):
    """Token ids, mask and places (rows, most) of words in, (rows, most, columns) logits out; a place of -1 is none.

    ``cues`` (rows, most, k), where they are given, are what else is known of each word: they add to its logits.
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__(encoder, width, columns, pooling, dropout)
        self.cues = nn.Linear(CUES, columns, bias=False)
        nn.init.zeros_(self.cues.weight)

    @property
    def transitions(self) -> torch.Tensor | None:
        """(columns, columns) scores of a tag after another, where tags are chosen together."""
        return None

    def shares(self, scores: torch.Tensor) -> torch.Tensor:
        """(words, columns) probabilities of the words of one text, by their scores."""
        made: torch.Tensor = scores.softmax(dim=1)
        return made

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        words: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        cues: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Run the network on a batch."""
        typed = {} if token_type_ids is None else {"token_type_ids": token_type_ids}  # some encoders know no types
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **typed).last_hidden_state
        at = words.clamp_min(0).unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        logits: torch.Tensor = self.head(self.dropout(hidden.gather(1, at)))
        if cues is not None:
            logits = logits + self.cues(cues)
        # Where the parts of a row compete, those that are none must lose.
        return logits.masked_fill((words < 0).unsqueeze(-1), -1e4)


class ChainNetwork(WordNetwork):
    """A network of words whose tags are chosen together.

    The last ``columns`` of its (rows, most + columns, columns) logits are what a tag after another scores, the same in
    every row (``training.chain``).
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__(encoder, width, columns, pooling, dropout)
        self.chain = _Chain(columns)

    @property
    def transitions(self) -> torch.Tensor:
        scores: torch.Tensor = self.chain()
        return scores

    def shares(self, scores: torch.Tensor) -> torch.Tensor:
        there = torch.ones(1, len(scores), dtype=torch.bool)
        return linear_chain.marginals(torch.cat([scores, self.transitions])[None], there)[0]

    def forward(self, *args: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch."""
        logits = super().forward(*args, **inputs).float()
        return torch.cat([logits, self.transitions.expand(len(logits), -1, -1)], dim=1)


class _Chain(nn.Module):  # type: ignore[misc]
    """(columns, columns) scores from tag to tag: learned where a tag may follow, as low as can be elsewhere."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(columns, columns))
        self.register_buffer("legal", torch.from_numpy(entities.legal(columns)), persistent=False)

    def forward(self) -> torch.Tensor:
        return torch.where(self.legal, _SWIFT * self.weight, NEVER)
