"""What is served: the artifacts of a directory, reloaded when one is put in another's place."""

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

State = tuple[str, int, int]  # where a child leads, and the identity of its card


@dataclass(frozen=True, slots=True)
class Served:
    """An artifact by the name of its directory entry; what answers for it, where its kind can."""

    name: str
    artifact: Artifact
    policy: Policy | None = None
    scorer: Scorer | None = None

    def summary(self) -> dict[str, str]:
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
        self._served: Mapping[str, Served] = {}
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="shelf", daemon=True)

    def start(self) -> None:
        """Load what is there, then watch."""
        self.refresh()
        self._watcher.start()

    def stop(self) -> None:
        """End the watch."""
        self._stopping.set()

    @property
    def served(self) -> Mapping[str, Served]:
        """What is served now, by name. A snapshot: it never changes under its reader."""
        return self._served

    def refresh(self) -> None:
        """Compare the directory with what is served, and load what is new or replaced."""
        states = _states(self._directory)
        if states == self._states:
            return
        kept = {name: item for name, item in self._served.items() if name in states}
        changed = [name for name, state in states.items() if self._states.get(name) != state]
        for name in changed:
            loaded = _load(name, self._directory / name)
            if loaded is not None:
                kept[name] = loaded
        self._states = states
        self._served = dict(sorted(kept.items()))

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            self.refresh()


def _states(directory: Path) -> dict[str, State]:
    """Every child that leads to a card; a link that dangles or a file beside them is none."""
    found: dict[str, State] = {}
    try:
        children = sorted(directory.iterdir())
    except OSError:
        return found
    for child in children:
        try:
            card = (child / CARD).stat()
            found[child.name] = (str(child.resolve()), card.st_ino, card.st_mtime_ns)
        except OSError:
            continue
    return found


def _load(name: str, path: Path) -> Served | None:
    """Open and load an artifact. Whatever is wrong with it must not take the others down."""
    try:
        artifact = open_artifact(path.resolve())
        parts: dict[str, Any] = {}
        if artifact.kind == "policy":
            parts["policy"] = load_policy(artifact)
        elif artifact.kind == "reward":
            parts["scorer"] = scorer = Scorer(artifact)
            scorer.scores(
                [Answer([{"role": "user", "content": "warm"}], "up")]
            )  # loads its encoder now, not at the first request
        logger.info("serving %s: %s %s", name, artifact.kind, artifact.digest[:12])
        return Served(name, artifact, **parts)
    except Exception:
        logger.exception("skipped the artifact %s", path)
        return None
