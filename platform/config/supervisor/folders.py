"""Folders of servers: private, reachable by their account, short enough for a socket's path."""

import hashlib
import os
import pwd
import re
import shutil
import stat
import tempfile
from pathlib import Path

from config.supervisor.child import Account

SHELTER = Path("/var/lib/feedback-commons")
SOCKET_PATH_LIMIT = 100  # the kernel's is 107 bytes on Linux, 103 on macOS
PLAIN_PATH = re.compile(r"[\w./-]+", re.ASCII)  # what every URL parser reads alike


def unprivileged_account() -> Account | None:
    """Return who runs what refuses to run as root; None where our own account will do."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def is_reachable(path: Path, account: Account | None) -> bool:
    """Return whether the account may pass through every folder above the path."""
    return account is None or all(_may_enter(folder, account) for folder in path.parents)


def _may_enter(folder: Path, account: Account) -> bool:
    if not folder.exists():
        return True  # ours to create
    state = folder.stat()
    if state.st_uid == account.uid:
        return bool(state.st_mode & stat.S_IXUSR)
    if state.st_gid == account.gid:
        return bool(state.st_mode & stat.S_IXGRP)
    return bool(state.st_mode & stat.S_IXOTH)


def sheltered_folder(path: Path, account: Account | None) -> Path:
    """Return the path or, below a folder that is closed to the account (/root), a link's target.

    Permissions of folders that are not ours stay as they are: the content moves instead.
    """
    path = path.resolve()
    if is_reachable(path, account):
        path.mkdir(parents=True, exist_ok=True)
        return path
    SHELTER.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix="postgres-", dir=SHELTER))  # never an earlier one's data
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return target


def sheltered_copy(folder: Path, libraries: Path, account: Account | None) -> Path:
    """Return the package folder, or a copy of it that the account can read.

    Its programs look for their libraries in `../<package>.libs`, which is copied along.
    """
    if is_reachable(folder / "any", account):
        return folder
    mark = folder.stat()
    home = SHELTER / f"programs-{mark.st_ino:x}-{mark.st_mtime_ns:x}"
    if not home.exists():
        aside = home.with_suffix(f".partial-{os.getpid()}")
        shutil.copytree(folder, aside / folder.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, aside / libraries.name, symlinks=True)
        aside.rename(home)
    return home / folder.name


def make_private(folder: Path, account: Account | None) -> Path:
    """Create the folder for its owner alone; refuse one that somebody else made before us."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid not in {os.getuid(), account.uid if account else os.getuid()}:
        raise RuntimeError(f"{folder} belongs to someone else: choose another DATA_DIR.")
    folder.chmod(0o700)
    if account:
        os.chown(folder, *account)
    return folder


def socket_folder(folder: Path, socket_name: str) -> Path:
    """Return the folder or, if its path is too long for a socket, one in the temporary folder."""
    path = str(folder / socket_name)
    if len(path.encode()) <= SOCKET_PATH_LIMIT and PLAIN_PATH.fullmatch(path):
        return folder
    digest = hashlib.sha256(path.encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"feedback-{digest}"
