"""Run Python without a network: whatever asks the kernel for a socket of one ends the process by SIGSYS, in any thread.

    python benchmarks/watched.py -m penna predict RUN DATA
    python benchmarks/watched.py -c "import penna"

A seccomp filter does it, so code of libraries in C is watched as well as Python; processes that are started from here
inherit it. It needs Linux on x86-64 or ARM64, and no rights. ``python benchmarks/watched.py`` alone says whether it
works here: exit code 0 where it does, 3 and the reason where it does not. Python's part of every thread's stack goes to
stderr before the end. `tests/integration/test_network.py` and `network.py` use it.
"""

import ctypes
import faulthandler
import platform
import runpy
import signal
import struct
import sys
from pathlib import Path

#: By machine: what the kernel calls its system calls' convention, and the number of ``socket``.
KERNELS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
IO_URING_SETUP = 425  # the other way to a socket
LOCAL = 1  # AF_UNIX: who a user is may be requested of a daemon of the same machine
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # opcodes of BPF
_ALLOW, _TRAP = 0x7FFF0000, 0x00030000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


def forbid() -> str:
    """Forbid sockets to this process and its children; why that cannot be, or ""."""
    if sys.platform != "linux" or platform.machine() not in KERNELS:
        return f"no filter is known for {sys.platform} on {platform.machine()}"
    convention, socket = KERNELS[platform.machine()]
    steps = [
        (_LOAD, 0, 0, 4), (_EQUAL, 1, 0, convention), (_RETURN, 0, 0, _TRAP),
        (_LOAD, 0, 0, 0), (_EQUAL, 3, 0, IO_URING_SETUP), (_EQUAL, 0, 3, socket),
        (_LOAD, 0, 0, 16), (_EQUAL, 1, 0, LOCAL), (_RETURN, 0, 0, _TRAP), (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    faulthandler.register(signal.SIGSYS, file=sys.__stderr__, all_threads=True, chain=True)
    for asked in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SECCOMP, _FILTER, program, 0, 0)):
        if libc.prctl(*asked):
            return f"the kernel refuses a filter (error {ctypes.get_errno()})"
    return ""


def main() -> None:
    why = forbid()
    if why or len(sys.argv) == 1:
        print(why or "whatever asks for a socket of a network is ended")
        sys.exit(3 if why else 0)
    what, *rest = sys.argv[1:]
    if what == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<watched>", "exec"), {"__name__": "__main__"})
    elif what == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [what, *rest]
        sys.path[0] = str(Path(what).resolve().parent)
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main()
