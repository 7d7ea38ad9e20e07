"""How long a run has worked, kept in its folder: a resumed run has the rest of its budget. Knows a clock and a file.

Trials alone do not tell: a run may be killed in the middle of a long one, or while it reads or writes.
"""

import contextlib
import json
import math
import threading
from pathlib import Path
from types import TracebackType

from penna.budget import Deadline

FILE = "elapsed.json"
#: Seconds between two notes. A kill loses no more than this.
EVERY = 0.5
_LARGEST = 1 << 12


def before(folder: Path) -> float:
    """Seconds that earlier processes have worked on the run in ``folder``; 0 if there is no note of it."""
    path = folder / FILE
    try:
        if path.stat().st_size > _LARGEST:
            return 0.0
        seconds = float(json.loads(path.read_bytes())["seconds"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


class Noted:
    """While this is entered, the seconds that ``deadline`` has run are noted in ``folder``, twice a second."""

    def __init__(self, folder: Path, deadline: Deadline) -> None:
        self.path, self.deadline = folder / FILE, deadline
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="penna-elapsed", daemon=True)

    def __enter__(self) -> "Noted":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            self._note()
            self._over.wait(EVERY)
        self._note()

    def _note(self) -> None:
        part = self.path.with_suffix(".part")
        with contextlib.suppress(OSError):  # a full disk is for the trial log to report
            part.write_text(json.dumps({"seconds": round(self.deadline.spent(), 3)}), encoding="utf-8")
            part.replace(self.path)
