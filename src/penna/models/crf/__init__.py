"""Family ``crf``: linear-chain CRF on hand-written word features."""
