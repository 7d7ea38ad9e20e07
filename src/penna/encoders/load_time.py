"""The time until an encoder can be used. Knows a clock; loads nothing."""

import sys

from penna.hardware import contention

#: Seconds to import torch, load an encoder and time some of its steps: minimum, and usual on a quiet machine.
ENCODER_SETUP, USUAL_SETUP = 10.0, 5.0
#: The same for an encoder that is loaded, if only another depth or length is timed.
ENCODER_TIMING, USUAL_TIMING = 2.0, 1.0


def setup_seconds(loaded: bool | None = None) -> float:
    """Return the most seconds that loading and timing an encoder takes at the current load of the machine.

    ``loaded`` True means that only timing is left. None means that an imported torch, the slowest part, decides.
    """
    imported = "torch" in sys.modules if loaded is None else loaded
    least, usual = (ENCODER_TIMING, USUAL_TIMING) if imported else (ENCODER_SETUP, USUAL_SETUP)
    return max(least, usual * contention())
