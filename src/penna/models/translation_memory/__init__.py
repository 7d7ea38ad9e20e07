"""Family ``translation_memory``: the source itself or the nearest training sentence."""
