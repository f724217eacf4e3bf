"""Keep the folder of live artifacts that the inference server reads: links, swapped atomically.

The rows say what is live. Whoever changes them calls `promoted_sync`; a worker's start and beat
call it too, so that a process that died between its commit and its link leaves nothing amiss.
"""

import uuid
from pathlib import Path

from django.conf import settings

from feedback.training.models import Checkpoint, Kind

POLICY_PREFIX = "policy-v"


def served_name(checkpoint: Checkpoint) -> str:
    """Return the name under which the inference server serves a live checkpoint."""
    if checkpoint.kind == Kind.POLICY:
        return f"{POLICY_PREFIX}{checkpoint.version}"
    return checkpoint.kind


def promoted_sync() -> None:
    """Make the links say what the rows say."""
    folder: Path = settings.DATA_DIR / "promoted"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {served_name(live): live.path for live in Checkpoint.objects.live()}
    for name, target in wanted.items():
        if not Path(target).is_dir():
            continue  # the file store of another machine: nothing to serve here
        if _target(folder / name) != target:
            _swap(folder / name, target)
    for link in folder.iterdir():
        if link.is_symlink() and link.name not in wanted and not link.name.startswith("."):
            link.unlink(missing_ok=True)


def _target(link: Path) -> str | None:
    return str(link.readlink()) if link.is_symlink() else None


def _swap(link: Path, target: str) -> None:
    """Replace a link in one step: a reader sees the old one or the new one."""
    aside = link.with_name(f".{link.name}.{uuid.uuid4().hex}")
    aside.symlink_to(target)
    aside.replace(link)
