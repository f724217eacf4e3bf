"""The settings of trainers that recordings name, under every name they have had."""

import re
from collections.abc import Mapping

NAMES: dict[str, tuple[str, ...]] = {
    "mode": ("mode",),
    "kind": ("kind", "head.kind"),
    "head": ("head", "head.architecture"),
    "base": ("base", "model_name_or_path"),
    "backbone": ("backbone", "model_name_or_path"),
    "epochs": ("epochs", "optim.num_train_epochs"),
    "max_steps": ("max_steps", "optim.max_steps"),
    "method": ("method",),
    "seed": ("seed",),
}
"""A short name of our own, and the names in checkouts, the one of 1 December 2026 first."""


class Assignments:
    """Values for `--set`, under the names that the checkout at hand takes."""

    def __init__(self, values: Mapping[str, str | int | float]) -> None:
        self._values = dict(values)
        self._names = {name: list(NAMES[name]) for name in values}

    def words(self) -> list[str]:
        """Return the `key=value` words under the names tried at present."""
        return [f"{self._names[name][0]}={value}" for name, value in self._values.items()]

    def rename(self, message: str) -> bool:
        """Take the next name of the setting that a refusal complains of.

        It is the first one that the message names. Returns whether there is another name to try.
        """
        found: list[tuple[int, str]] = []
        for name, known in self._names.items():
            place = re.search(rf"(?<![\w.]){re.escape(known[0])}(?![\w.])", message)
            if place is not None:
                found.append((place.start(), name))
        if not found:
            return False
        _, refused = min(found)
        self._names[refused] = self._names[refused][1:]
        return bool(self._names[refused])
