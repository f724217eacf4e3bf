"""Become another program that ends with its parent, even one that was killed.

`python child.py PARENT SIGNAL UID GID program argument …`: gives up root for UID and GID, asks
Linux for SIGNAL on the death of the parent, and replaces itself by the program. The request
belongs to the parent's thread, so children are started from the parent's main thread; it is made
after the change of user, which clears it. Elsewhere than on Linux only the rest happens.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple

PR_SET_PDEATHSIG = 1


class Account(NamedTuple):
    """The user and group that a program runs as."""

    uid: int
    gid: int


def child_command(
    program: Sequence[str], *, on_parent_death: signal.Signals, account: Account | None = None
) -> list[str]:
    """Return the command line that runs `program` as a child of this process."""
    uid, gid = account or Account(os.getuid(), os.getgid())
    head = [sys.executable, "-I", __file__, str(os.getpid()), str(int(on_parent_death))]
    return [*head, str(uid), str(gid), *program]


def die_with_parent(number: int) -> None:
    """Ask the kernel to send this process a signal when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def _become(account: Account) -> None:
    if os.getuid() == 0 and account.uid != 0:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)


def main() -> None:
    """Replace this process by the program named on the command line."""
    parent, number, uid, gid = (int(word) for word in sys.argv[1:5])
    program = sys.argv[5:]
    _become(Account(uid, gid))
    die_with_parent(number)
    if os.getppid() != parent:  # it died before the request was made
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - the point of this module


if __name__ == "__main__":
    main()
