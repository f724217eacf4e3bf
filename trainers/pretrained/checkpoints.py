"""Packaged models as ordinary `transformers` checkpoints, made once and checked at each use."""

import fcntl
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainers.artifacts import written_aside
from trainers.errors import InputError
from trainers.places import models_folder
from trainers.pretrained.packages import SMOLLM2, Package
from trainers.pretrained.room import MEGABYTE, check_room
from trainers.pretrained.weights import weights_digest

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """A packaged model that is turned into a checkpoint.

    title          what people call it
    license        under which its weights, and what it writes, may be used (an SPDX name)
    weights        the `weights_digest` that the checkpoint must have
    disk, memory   bytes that turning it into a checkpoint needs
    """

    name: str
    title: str
    license: str
    package: Package
    weights: str
    disk: int
    memory: int


PACKAGED = {
    model.name: model
    for model in (
        Packaged(
            name="smollm2",
            title="SmolLM2 135M",
            license="Apache-2.0",
            package=SMOLLM2,
            weights="23535ec9f6f9f010454306bc5e2d778595bb7417d82e365f37e7f736aedb8b47",
            disk=300 * MEGABYTE,
            memory=1_400 * MEGABYTE,
        ),
    )
}


def checkpoint_folder(model: Packaged) -> Path:
    """Return the model's checkpoint, made where it is not there yet or is damaged.

    Raises InputError where the package is missing or damaged, or the machine has no room.
    """
    folder = models_folder() / model.name
    with _alone(folder):
        if folder.exists():
            try:
                return _checked(model, folder)
            except InputError as error:
                logger.warning("making %s anew: %s", folder, error)
                shutil.rmtree(folder)
        source = model.package.checked_file()
        check_room(folder, disk=model.disk, memory=model.memory, what=model.title)
        # Slow to import, and needless where the checkpoint is there.
        from trainers.pretrained.gguf import write_checkpoint

        with written_aside(folder) as aside:
            write_checkpoint(source, aside)
            _checked(model, aside)
    return folder


def _checked(model: Packaged, folder: Path) -> Path:
    """Return the folder if its weights are those of the model; raises InputError."""
    found = weights_digest(folder)
    if found != model.weights:
        raise InputError.at(
            folder, f"its weights are not those of {model.title} ({found[:12]}… is their digest)"
        )
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from making the same checkpoint at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
