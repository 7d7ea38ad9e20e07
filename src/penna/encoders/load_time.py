"""What it takes until an encoder can be used. Knows a clock; loads nothing."""

import sys

from penna.hardware import contention

#: Seconds to import torch, load an encoder and time some of its steps: at the least, and on a quiet machine as a rule.
ENCODER_SETUP, USUAL_SETUP = 10.0, 5.0
#: The same once it has been loaded, and only another depth or length is to be timed.
ENCODER_TIMING, USUAL_TIMING = 2.0, 1.0


def setup_seconds(loaded: bool | None = None) -> float:
    """Most seconds that loading and timing an encoder takes, as busy as the machine is just now.

    ``loaded``: only timing is left to do; None: as far as importing torch tells, which takes longest.
    """
    known = "torch" in sys.modules if loaded is None else loaded
    least, usual = (ENCODER_TIMING, USUAL_TIMING) if known else (ENCODER_SETUP, USUAL_SETUP)
    return max(least, usual * contention())
