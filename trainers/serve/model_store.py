"""The model store: artifacts of a directory and a packaged checkpoint, reloaded as they change."""

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from trainers.artifacts import CARD, open_artifact, read_json
from trainers.errors import InputError
from trainers.policy.adapter import base_name
from trainers.reward.model import Answer
from trainers.reward.score import Scorer
from trainers.serve.policies import Engines, ServedPolicy, adapter_bytes, load_policy
from trainers.serve.preparation import Preparation
from trainers.serve.served_model import ServedModel

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25

# Where a child leads, and the inode and time of its card: a swapped link changes the first, an
# artifact written over in place the others.
State = tuple[str, int, int]


class ModelStore:
    """What is served by name; a thread watches the directory, and waits for the preparation.

    Feedback promotes by swapping a symbolic link. The new artifact is loaded beside the old one
    and then takes its place; requests under way end with what they began with. An artifact that
    does not load is logged, listed as a problem and skipped, and what was served under its name
    stays.
    """

    def __init__(self, directory: Path, preparation: Preparation | None = None) -> None:
        self.preparation = preparation
        self.engines = Engines()
        self._directory = directory
        self._states: Mapping[str, State] = {}
        self._models: Mapping[str, ServedModel] = {}
        self._problems: Mapping[str, str] = {}
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="model-store", daemon=True)

    def start(self) -> None:
        """Load what is there, then watch."""
        if self.preparation is not None:
            self.preparation.start()
        self.refresh()
        self._watcher.start()

    def stop(self) -> None:
        """End the watch, and all answers."""
        self._stopping.set()
        for engine in self.engines.all():
            engine.stop()

    @property
    def models(self) -> Mapping[str, ServedModel]:
        """Return what is served now, by name. A snapshot: it never changes under its reader."""
        return self._models

    @property
    def problems(self) -> Mapping[str, str]:
        """Return why something is not served, by name. A snapshot, too."""
        return self._problems

    def is_preparing(self, name: str) -> bool:
        """Return whether a model is not served yet, but will be when its base is ready."""
        if self.preparation is None or self.preparation.state != "preparing":
            return False
        return name in self.preparation.names or self._is_over_packaged(self._directory / name)

    def problem(self, name: str) -> str | None:
        """Return why a model of this name is not served; None where there is no such model."""
        known = self.preparation
        if known is not None and known.state == "failed" and name in known.names:
            return known.problem
        return self._problems.get(name)

    def refresh(self) -> None:
        """Compare what is there with what is served, and load what is new or replaced.

        The mappings are replaced as a whole, in one assignment: readers in other threads need no
        lock.
        """
        folders = self._folders()
        states = {
            name: state
            for name, path in folders.items()
            if (state := _state(path / ("config.json" if self._is_base(path) else CARD)))
        }
        if states == self._states:
            return
        kept = {name: item for name, item in self._models.items() if name in states}
        problems = {name: text for name, text in self._problems.items() if name in states}
        for name, state in states.items():
            if self._states.get(name) == state:
                continue
            problems.pop(name, None)
            try:
                kept[name] = self._load(name, folders[name])
            except Exception as error:  # whatever is wrong with one must not take others down
                logger.exception("skipped the artifact %s", folders[name])
                problems[name] = str(error) or type(error).__name__
            # One by one: a large base must not hold back what is loaded already.
            self._models = dict(sorted(kept.items()))
        self._states, self._models = states, dict(sorted(kept.items()))
        self._problems = problems
        self.engines.keep([item.policy for item in kept.values() if item.policy])
        if self.preparation is not None and self.preparation.base_name in states:
            self.preparation.end(problems.get(self.preparation.base_name, ""))

    def _watch(self) -> None:
        """Refresh until stopped. A few stat calls cost little, and work on any file system."""
        while not self._stopping.wait(POLL_SECONDS):
            self.refresh()

    def _folders(self) -> dict[str, Path]:
        """Return what is to be served, by name, without what still waits for its base."""
        found: dict[str, Path] = {}
        if self.preparation is not None:
            found |= self.preparation.folders
        try:
            children = sorted(self._directory.iterdir())
        except OSError:  # the directory may not be there yet
            return found
        waits = self.preparation is not None and self.preparation.is_making
        return found | {
            child.name: child for child in children if not (waits and self._is_over_packaged(child))
        }

    def _is_over_packaged(self, child: Path) -> bool:
        """Return whether a folder is a policy over the packaged checkpoint."""
        try:
            card = read_json(child / CARD)
            return (
                self.preparation is not None
                and card.get("kind") == "policy"
                and base_name(card) == self.preparation.name
            )
        except (InputError, KeyError):
            return False

    def _is_base(self, path: Path) -> bool:
        """Return whether a folder is the packaged checkpoint, which has no card."""
        return self.preparation is not None and path == self.preparation.folder

    def _load(self, name: str, path: Path) -> ServedModel:
        """Open and load an artifact or the packaged checkpoint."""
        if self._is_base(path):
            return self._base(name, path)
        artifact = open_artifact(path.resolve())
        parts: dict[str, Any] = {}
        if artifact.kind == "policy":
            parts["policy"] = policy = load_policy(artifact, self.engines)
            parts["about"] = self._about(policy, artifact.path, base_name(artifact.card))
        elif artifact.kind == "reward":
            parts["scorer"] = scorer = Scorer(artifact)
            # Loads its encoder now, not at the first request.
            scorer.scores([Answer([{"role": "user", "content": "warm"}], "up")])
        logger.info("serving %s: %s %s", name, artifact.kind, artifact.digest[:12])
        created = int(datetime.fromisoformat(artifact.card["created_at"]).timestamp())
        return ServedModel(
            name=name, kind=artifact.kind, digest=artifact.digest, created=created, **parts
        )

    def _base(self, name: str, path: Path) -> ServedModel:
        """Return the packaged checkpoint alone."""
        policy = ServedPolicy(self.engines.open(path))
        base = policy.engine.base
        logger.info("serving %s: checkpoint %s", name, base.digest[:12])
        about = {"parameters": base.parameters, "size_bytes": base.size_bytes, "base": None}
        return ServedModel(
            name=name,
            kind="checkpoint",
            digest=base.digest,
            about=about | {"license": self.preparation and self.preparation.license},
            policy=policy,
        )

    def _about(self, policy: ServedPolicy, path: Path, base: str) -> dict[str, Any]:
        """Return what is told of a policy: its own part, and what it lies over."""
        about: dict[str, Any] = {
            "parameters": policy.adapter and policy.adapter.parameters,
            "size_bytes": adapter_bytes(path),
            "base": base,
        }
        if self.preparation is not None and self.preparation.name == base:
            about |= {"base": self.preparation.base_name, "license": self.preparation.license}
        return about


def _state(file: Path) -> State | None:
    """Return the state of a folder, by the file that makes it one; None where that is not there."""
    try:
        found = file.stat()
        return str(file.parent.resolve()), found.st_ino, found.st_mtime_ns
    except OSError:  # a dangling link, a plain file, or gone since it was listed
        return None
