"""Packaged models as ordinary `transformers` checkpoints, made once and checked at each use."""

import fcntl
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainers.artifacts import file_digest, json_text, read_json, written_aside
from trainers.errors import InputError
from trainers.places import models_folder
from trainers.pretrained.packages import SMOLLM2, Package
from trainers.pretrained.room import MEGABYTE, check_room
from trainers.pretrained.weights import weights_digest
from trainers.process import PARENT_VARIABLE

logger = logging.getLogger(__name__)

SOURCES = Path(__file__).resolve().parents[2]
DIGESTS = "digests.json"  # of what lies beside the weights, whose own digest is pinned


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
            memory=1_200 * MEGABYTE,
        ),
    )
}


def checkpoint_folder(model: Packaged) -> Path:
    """Return the model's checkpoint, made where it is not there yet or is damaged.

    Raises InputError where the package is missing or damaged, or the machine has no room.
    """
    folder = models_folder() / model.name
    try:
        with _alone(folder):
            if not _is_whole(model, folder):
                _make(model, folder)
    except OSError as error:
        raise InputError.at(folder, f"{model.title} cannot be kept there ({error})") from error
    return folder


def _is_whole(model: Packaged, folder: Path) -> bool:
    """Return whether the checkpoint is there; one that is damaged is removed."""
    if not folder.exists():
        return False
    try:
        _check(model, folder)
    except InputError as error:
        logger.warning("%s is made anew: %s", model.title, error)
        shutil.rmtree(folder)
        return False
    return True


def _make(model: Packaged, folder: Path) -> None:
    """Turn the package's file into the checkpoint; it appears whole or not at all."""
    source = model.package.checked_file()
    for left_by_a_killed_process in folder.parent.glob(f"{folder.name}.partial-*"):
        shutil.rmtree(left_by_a_killed_process)
    check_room(folder, disk=model.disk, memory=model.memory, what=model.title)
    logger.info("%s is made into a checkpoint, once: %s", model.title, folder)
    with written_aside(folder) as aside:
        _convert(model, source, aside)
        (aside / DIGESTS).write_text(json_text(_other_digests(aside)))
        _check(model, aside)


def _convert(model: Packaged, source: Path, folder: Path) -> None:
    """Write the checkpoint of a file into a folder; raises InputError with the reason it failed.

    In a process of its own: it gives back its memory, which here would stay taken (340 MB), holds
    up no thread of a server (20 s of Python), and may run out of memory without taking us along.
    """
    paths = [str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "TQDM_DISABLE": "1",
        PARENT_VARIABLE: str(os.getpid()),
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own module
        [sys.executable, "-m", "trainers.pretrained.gguf", str(source), str(folder)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        ended = f"exit status {done.returncode}"  # negative: the number of a signal
        last_line = done.stderr.strip().rpartition("\n")[2]
        raise InputError(f"{model.title} cannot be made a checkpoint ({ended}): {last_line}")


def _check(model: Packaged, folder: Path) -> None:
    """Raise InputError unless the folder holds the model's weights and the files made with them."""
    found = weights_digest(folder)
    if found != model.weights:
        raise InputError.at(
            folder, f"its weights are not those of {model.title} ({found[:12]}… is their digest)"
        )
    if read_json(folder / DIGESTS) != _other_digests(folder):
        raise InputError.at(folder, f"a file beside the weights differs from {DIGESTS}")


def _other_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the config, the tokenizer and what else lies beside the weights."""
    return {
        path.name: file_digest(path)
        for path in sorted(folder.iterdir())
        if path.suffix != ".safetensors" and path.name != DIGESTS
    }


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from making the same checkpoint at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
