"""Whether a machine has room for a model, asked before the work instead of after the kill."""

import shutil
from pathlib import Path

from trainers.errors import InputError

MEGABYTE = 1_000_000
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


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
            f"{left / MEGABYTE:,.0f} MB are free"
        )


def available_memory() -> int | None:
    """Return how many bytes a process may still take; None where the system does not say.

    The smaller of what the machine has left and what a container's limit leaves.
    """
    found = [bytes_left for bytes_left in (_machine_left(), _container_left()) if bytes_left]
    return min(found, default=None)


def _machine_left() -> int | None:
    """Return Linux's own estimate, which counts caches that it would give up."""
    try:
        lines = MEMINFO.read_text().splitlines()
    except OSError:
        return None
    kilobytes = {name: text for name, _, text in (line.partition(":") for line in lines)}
    words = kilobytes.get("MemAvailable", "").split()
    return int(words[0]) * 1024 if words else None


def _container_left() -> int | None:
    """Return what the limit of this control group (version 2) leaves, caches counted as free."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
        counted = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) - used + int(counted.get("inactive_file", 0))
