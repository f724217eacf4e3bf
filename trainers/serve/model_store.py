"""The model store: the artifacts of a directory, reloaded when one is put in another's place."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.artifacts import CARD, Artifact, open_artifact
from trainers.policy.adapter import Policy, load_policy
from trainers.reward.model import Answer
from trainers.reward.score import Scorer

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25

# Where a child leads, and the inode and time of its card: a swapped link changes the first, an
# artifact written over in place the others.
State = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """An artifact by the name of its directory entry, loaded as what its kind can do."""

    name: str
    artifact: Artifact
    policy: Policy | None = None
    scorer: Scorer | None = None

    def summary(self) -> dict[str, str]:
        """Return what `/healthz` says of it."""
        return {"name": self.name, "kind": self.artifact.kind, "digest": self.artifact.digest}


class ModelStore:
    """The direct children of a directory that hold a card, loaded; a thread watches for changes.

    Feedback promotes by swapping a symbolic link. The new artifact is loaded beside the old one
    and then takes its place; requests under way end with what they began with. An artifact that
    does not load is logged and skipped, and what was served under its name stays.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._states: dict[str, State] = {}
        self._models: Mapping[str, ServedModel] = {}
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="model-store", daemon=True)

    def start(self) -> None:
        """Load what is there, then watch."""
        self.refresh()
        self._watcher.start()

    def stop(self) -> None:
        """End the watch."""
        self._stopping.set()

    @property
    def models(self) -> Mapping[str, ServedModel]:
        """Return what is served now, by name. A snapshot: it never changes under its reader."""
        return self._models

    def refresh(self) -> None:
        """Compare the directory with what is served, and load what is new or replaced.

        The mapping is replaced as a whole, in one assignment: readers in other threads need no
        lock.
        """
        states = _states(self._directory)
        if states == self._states:
            return
        kept = {name: item for name, item in self._models.items() if name in states}
        changed = [name for name, state in states.items() if self._states.get(name) != state]
        for name in changed:
            loaded = _load(name, self._directory / name)
            if loaded is not None:
                kept[name] = loaded
        self._states = states
        self._models = dict(sorted(kept.items()))

    def _watch(self) -> None:
        """Refresh until stopped. A few stat calls cost little, and work on any file system."""
        while not self._stopping.wait(POLL_SECONDS):
            self.refresh()


def _states(directory: Path) -> dict[str, State]:
    """Return the state of every child that leads to a card; a dangling link or a file has none."""
    found: dict[str, State] = {}
    try:
        children = sorted(directory.iterdir())
    except OSError:  # the directory may not be there yet
        return found
    for child in children:
        try:
            card = (child / CARD).stat()
            found[child.name] = (str(child.resolve()), card.st_ino, card.st_mtime_ns)
        except OSError:  # a dangling link, a plain file, or gone since it was listed
            continue
    return found


def _load(name: str, path: Path) -> ServedModel | None:
    """Open and load an artifact, or log why not and return None.

    Whatever is wrong with one must not take the others down.
    """
    try:
        artifact = open_artifact(path.resolve())
        parts: dict[str, Any] = {}
        if artifact.kind == "policy":
            parts["policy"] = load_policy(artifact)
        elif artifact.kind == "reward":
            parts["scorer"] = scorer = Scorer(artifact)
            # Loads its encoder now, not at the first request.
            scorer.scores([Answer([{"role": "user", "content": "warm"}], "up")])
        logger.info("serving %s: %s %s", name, artifact.kind, artifact.digest[:12])
        return ServedModel(name=name, artifact=artifact, **parts)
    except Exception:
        logger.exception("skipped the artifact %s", path)
        return None
