"""The packaged checkpoint: made ready in a thread, while everything else is served."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from trainers.pretrained.adapters import shipped_adapters, specialities
from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5  # making a checkpoint takes about 15 s, once; finding it takes under one

State = Literal["preparing", "ready", "failed"]


class Preparation:
    """Makes one packaged checkpoint; `state` and `problem` say how far it is.

    It stays "preparing" until the model store, which waits for `folder`, has loaded what is there.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.title = PACKAGED[name].title
        self.license = PACKAGED[name].license
        self.state: State = "preparing"
        self.problem = ""
        self.folder: Path | None = None  # of the checkpoint, once it is ready

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._prepare, name="preparation", daemon=True).start()

    @property
    def is_making(self) -> bool:
        """Return whether the checkpoint is not there yet."""
        return self.state == "preparing" and self.folder is None

    @property
    def base_name(self) -> str:
        """Return the name under which the checkpoint alone is served."""
        return next(
            each.name
            for each in specialities().values()
            if each.base == self.name and not each.adapter
        )

    @property
    def names(self) -> list[str]:
        """Return all names that it will be served under."""
        return [self.base_name, *shipped_adapters(self.name)]

    @property
    def folders(self) -> Mapping[str, Path]:
        """Return the folders of what is served once it is ready, by name; empty until then."""
        if self.folder is None:
            return {}
        return {self.base_name: self.folder, **shipped_adapters(self.name)}

    def summary(self) -> dict[str, str | None]:
        """Return what `/healthz` says of it."""
        return {"name": self.name, "state": self.state, "problem": self.problem or None}

    def end(self, problem: str = "") -> None:
        """Say that it is served, or why it never will be."""
        self.problem = problem
        self.state = "failed" if problem else "ready"

    def _prepare(self) -> None:
        """Find or make the checkpoint. Whatever goes wrong is told, and takes nothing down."""
        try:
            self.folder = checkpoint_folder(PACKAGED[self.name])
        except Exception as error:
            logger.exception("%s could not be prepared", self.title)
            self.end(str(error) or type(error).__name__)
