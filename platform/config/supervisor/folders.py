"""PostgreSQL refuses to run as root: the account it runs as then, and the folders it can reach."""

import hashlib
import os
import pwd
import shutil
import stat
from pathlib import Path

from config.supervisor.child import Account

SHELTER = Path("/var/lib/feedback-commons")


def unprivileged_account() -> Account | None:
    """The account for a server when we are root; None when this process's own will do."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def is_reachable(path: Path, account: Account | None) -> bool:
    """Whether the account may pass through every folder above the path."""
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
    """The path itself or, below a folder that is closed to the account (/root), a link's target.

    Permissions of folders that are not ours stay as they are: the content moves instead.
    """
    path = path.resolve()
    if is_reachable(path, account):
        path.mkdir(parents=True, exist_ok=True)
        return path
    target = SHELTER / hashlib.sha256(str(path).encode()).hexdigest()[:12]
    target.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return target


def sheltered_copy(folder: Path, libraries: Path, account: Account | None) -> Path:
    """The package folder itself, or a copy of it that the account can read.

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
