"""What is tried once more before an answer has failed, within its claim, and after which pause.

A server without a free place is asked again when it says so, and each time later. One that broke
off is asked again once: a server that was killed is back within seconds, and meanwhile cannot be
reached. A text that nobody should get is asked for once more, where chance may make another of it.
"""

import time
from typing import Any

from feedback.registry.errors import BROKEN_OFF, BUSY, UNREACHABLE, FlawedError, NoAnswerError
from feedback.registry.models import ModelVersion

PATIENCE = 30.0  # seconds of waiting for a server, from the first time that it failed
BACK_SECONDS = 1.0  # between two looks whether a server is back


class SecondTries:
    """The tries that one answer has left; `options` are those of the next call."""

    def __init__(self, version: ModelVersion) -> None:
        self.options: dict[str, Any] = {}
        self._sampling = version.sampling
        self._ends: float | None = None  # of the waiting that is under way
        self._busy_pause = BACK_SECONDS / 2
        self._has_broken_off = self._was_flawed = False

    def pause(self, error: NoAnswerError) -> float | None:
        """Return the seconds until the next try; None where this failure is the end."""
        if isinstance(error, FlawedError):
            return self._after_flaw()
        wait = self._wait(str(error), error.retry_after)
        if wait is None:
            return None
        now = time.monotonic()
        if self._ends is None or str(error) == BROKEN_OFF:
            self._ends = now + PATIENCE
        return wait if now + wait <= self._ends else None

    def _after_flaw(self) -> float | None:
        if self._was_flawed or not can_differ(self._sampling):
            return None
        self._was_flawed = True
        self.options = other_seed(self._sampling)
        return 0.0

    def _wait(self, reason: str, asked: float | None) -> float | None:
        if reason == BUSY:
            self._busy_pause *= 2
            return max(asked or 0.0, self._busy_pause)
        if reason == BROKEN_OFF and not self._has_broken_off:
            self._has_broken_off = True
            return BACK_SECONDS
        return BACK_SECONDS if reason == UNREACHABLE and self._has_broken_off else None


def can_differ(sampling: dict[str, Any]) -> bool:
    """Say whether the same question may get another answer: not where nothing is drawn."""
    return sampling.get("temperature") != 0


def other_seed(sampling: dict[str, Any]) -> dict[str, Any]:
    """Return the seed for a second answer; none where the first had none."""
    seed = sampling.get("seed")
    return {"seed": seed + 1} if isinstance(seed, int) else {}
