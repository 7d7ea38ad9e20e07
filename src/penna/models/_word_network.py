"""An encoder with a head on some of its tokens. Knows tensors; never a table."""

import torch

from penna.models._network import Network


class WordNetwork(Network):
    """Token ids, mask and places (rows, most) of words in, (rows, most, columns) logits out; a place of -1 is none."""

    def forward(  # type: ignore[override]
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        words: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        typed = {} if token_type_ids is None else {"token_type_ids": token_type_ids}  # some encoders know no types
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **typed).last_hidden_state
        at = words.clamp_min(0).unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        logits: torch.Tensor = self.head(self.dropout(hidden.gather(1, at)))
        # Where the parts of a row compete, those that are none must lose.
        return logits.masked_fill((words < 0).unsqueeze(-1), -1e4)
