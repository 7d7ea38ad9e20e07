"""A temporary folder that goes when nobody needs it any more. A leaf."""

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path


class TemporaryFolder:
    """A temporary folder that lives as long as anything in the process that made it refers to this object."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="penna-"))
        left = weakref.finalize(self, _remove, self.path, os.getpid())
        workers = sys.modules.get("multiprocessing.util")
        if workers is not None:  # a worker of a pool ends without what else is done at the end of a process
            workers.Finalize(None, left, exitpriority=0)


def _remove(path: Path, process: int) -> None:
    """Remove the folder, unless this is a forked child, which has a copy of the object alone."""
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
