"""An encoder with a head on some of its tokens. Knows tensors; never a table."""

import torch
from torch import nn

from penna.features.attributes import CUES
from penna.models._network import Network


class WordNetwork(Network):
    """Token ids, mask and places (rows, most) of words in, (rows, most, columns) logits out; a place of -1 is none.

    ``cues`` (rows, most, k), where they are given, are what else is known of each word: they add to its logits.
    """

    def __init__(self, encoder: nn.Module, width: int, columns: int, pooling: str, dropout: float) -> None:
        super().__init__(encoder, width, columns, pooling, dropout)
        self.cues = nn.Linear(CUES, columns, bias=False)
        nn.init.zeros_(self.cues.weight)

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        words: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        cues: torch.Tensor | None = None,
    ) -> torch.Tensor:
        typed = {} if token_type_ids is None else {"token_type_ids": token_type_ids}  # some encoders know no types
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **typed).last_hidden_state
        at = words.clamp_min(0).unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        logits: torch.Tensor = self.head(self.dropout(hidden.gather(1, at)))
        if cues is not None:
            logits = logits + self.cues(cues)
        # Where the parts of a row compete, those that are none must lose.
        return logits.masked_fill((words < 0).unsqueeze(-1), -1e4)
