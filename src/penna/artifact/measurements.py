"""Size and latency of an artifact, and how its graphs agree with their networks.

Read off the folder that is served.
"""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from penna import safe_load
from penna.artifact.files import files
from penna.data.table import Table


class Answering(Protocol):
    """A model that can be measured."""

    def outputs(self, table: Table) -> Any:
        """Return the outputs of the rows."""
        ...


def compared(parts: Path) -> dict[str, float]:
    """Return how far the graphs of an artifact agree with the networks that they were written from.

    "parity" is the largest difference, in probability or as a share of the largest entry of a vector. "same" is the
    smallest share of sample texts that a translator translates alike.
    """
    from penna.onnx_graphs import encoder_config
    from penna.runtime import onnx_translator

    notes = [safe_load.load_json(p) for p in files(parts) if p.name in (encoder_config.FACTS, onnx_translator.FACTS)]
    differences, shares = ([n[name] for n in notes if n.get(name) is not None] for name in ("parity", "same"))
    found = {"parity": max(differences, default=None), "same": min(shares, default=None)}
    return {name: value for name, value in found.items() if value is not None}


def megabytes(folder: Path) -> float:
    """Return what the artifact weighs on disk."""
    return sum(p.stat().st_size for p in files(folder)) / 1e6


def latency(bundle: Answering, table: Table, rounds: int = 15, seconds: float = 1.0) -> dict[str, float]:
    """Median milliseconds for one text and for a batch of 64, on rows of this table.

    Either takes about so many seconds at most: of very slow answers the first few, one at least, have to do.
    """

    def median(batches: Iterable[Table]) -> float:
        taken: list[float] = []
        for batch in batches:
            begun = time.perf_counter()
            bundle.outputs(batch)
            taken.append(time.perf_counter() - begun)
            if sum(taken) > seconds:
                break
        return round(float(np.median(taken)) * 1e3, 3)

    ones = [table.take(np.array([i % len(table)])) for i in range(rounds)]
    bundle.outputs(ones[0])  # the first call allocates
    return {"one_text_ms": median(ones), "batch_of_64_ms": median([table.take(np.arange(64) % len(table))] * 3)}
