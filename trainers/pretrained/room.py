"""Whether a machine has room for a model, asked before the work instead of after the kill."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from trainers.errors import InputError

MEGABYTE = 1_000_000
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def check_room(folder: Path, *, disk: int, memory: int, what: str) -> None:
    """Raise InputError where the disk below `folder` or the memory has fewer free bytes.

    `what` begins the message: "SmolLM2 135M".
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < disk:
        raise InputError(
            f"{what} needs {disk / MEGABYTE:,.0f} MB on the disk of {folder}; "
            f"{free / MEGABYTE:,.0f} MB are free"
        )
    left = available_memory()
    if left is not None and left < memory:
        raise InputError(
            f"{what} needs {memory / MEGABYTE:,.0f} MB of memory; "
            f"{max(left, 0) / MEGABYTE:,.0f} MB are free"
        )


def available_memory() -> int | None:
    """Return how many bytes a process may still take; None where the system does not say.

    The smallest of what the machine has left and what the limits of control groups leave.
    """
    return min((left for left in _left() if left is not None), default=None)


def _left() -> Iterator[int | None]:
    """Yield what is left by the machine and by each control group (version 2) that we are in."""
    yield _machine_left()
    group = CGROUP / _own_group()
    for folder in (group, *group.parents):
        if folder.is_relative_to(CGROUP):
            yield _group_left(folder)


def _machine_left() -> int | None:
    """Return Linux's own estimate, which counts caches that it would give up."""
    try:
        lines = MEMINFO.read_text().splitlines()
    except OSError:
        return None
    kilobytes = {name: text for name, _, text in (line.partition(":") for line in lines)}
    words = kilobytes.get("MemAvailable", "").split()
    return int(words[0]) * 1024 if words else None


def _own_group() -> str:
    """Return the path of this process's control group below the root that it sees."""
    try:
        lines = OWN_GROUP.read_text().splitlines()
    except OSError:
        return ""
    # The one of version 2 is `0::/path`.
    return next((line[4:] for line in lines if line.startswith("0::/")), "")


def _group_left(folder: Path) -> int | None:
    """Return what the limit of a control group leaves, caches counted as free; None without one."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        counted = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) - used + int(counted.get("inactive_file", 0))
