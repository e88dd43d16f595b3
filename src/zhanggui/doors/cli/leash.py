"""Runs a program that ends when its parent ends, even if the parent was killed: `python leash.py PARENT_PID PROGRAM [ARGUMENT …]`.

Standard library only and no import of the house, so that it costs some ten milliseconds. On Linux the kernel sends SIGTERM when the
parent dies; elsewhere the supervisor's own clean stop is all there is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ties this process to its parent and becomes the program. The tie survives the exec."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the tie was made
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - the program is given by the supervisor


if __name__ == "__main__":
    main()
