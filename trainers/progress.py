"""Progress of a long run: a bar for a person, one JSON object a line for a program.

Everything goes to standard error, so that standard output keeps its one line of JSON.
"""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

BAR_WIDTH = 30


class Progress:
    """Reports `done` of `total` steps of a phase as a fraction of the whole run.

    `plan` says which share of the run each phase takes, in order. A phase that was not
    planned is taken for the whole run. The reported fraction never goes back.
    """

    def __init__(self, stream: TextIO | None = None, *, interval: float = 0.5) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._interval = interval
        self._spans: dict[str, tuple[float, float]] = {}
        self._fraction = 0.0
        self._last = float("-inf")
        self._phase = ""

    def plan(self, shares: Mapping[str, float]) -> None:
        """Divide the run among phases: {"features": 3, "train": 6, "evaluate": 1}."""
        whole, start = sum(shares.values()), 0.0
        for phase, share in shares.items():
            self._spans[phase] = (start / whole, share / whole)
            start += share

    def report(self, phase: str, done: int, total: int, **metrics: Any) -> None:
        """Say how far `phase` is; at most one line an interval, its first and last always."""
        start, share = self._spans.get(phase, (0.0, 1.0))
        within = min(1.0, done / total) if total else 1.0
        self._fraction = max(self._fraction, start + share * within)
        now = time.monotonic()
        if phase == self._phase and done < total and now - self._last < self._interval:
            return
        self._phase, self._last = phase, now
        write = self._bar if self._stream.isatty() else self._line
        write(phase, done, total, metrics)

    def _line(self, phase: str, done: int, total: int, metrics: Mapping[str, Any]) -> None:
        row = {
            "phase": phase,
            "progress": round(self._fraction, 4),
            "step": done,
            "total": total,
            "metrics": dict(metrics),
        }
        print(json.dumps(row), file=self._stream, flush=True)

    def _bar(self, phase: str, done: int, total: int, metrics: Mapping[str, Any]) -> None:
        filled = round(BAR_WIDTH * self._fraction)
        bar = "█" * filled + "·" * (BAR_WIDTH - filled)
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        values = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        text = f"\r{bar} {self._fraction:4.0%}  {phase} {done}/{total}  {values}\x1b[K"
        print(text, end="\n" if self._fraction >= 1 else "", file=self._stream, flush=True)
