"""How this process ends: with its parent where that was asked for, and cleanly on SIGTERM."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_VARIABLE = "TRAINERS_DIE_WITH_PARENT"


def end_cleanly_on_sigterm() -> None:
    """SIGTERM unwinds the stack, so that nothing half-written stays behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))


def die_with_parent() -> None:
    """Have the kernel kill this process when the parent named in the environment ends.

    A parent that ended before this call leaves another one behind: then end at once.
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        return
    if sys.platform == "linux":
        # SIGKILL, which cannot be held up; what is half-written lies under a name of its own.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # After the request to the kernel, so that no moment is left in which a parent ends unseen.
    if parent != str(os.getppid()):
        sys.exit(f"the parent {parent} has ended")
