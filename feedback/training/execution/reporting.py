"""Write a child's output into the run's row: progress, points of curves, the end of its log.

Writing renews the lease. The database may go away in the middle of a run: what is to be written
then waits here, the child goes on, and the next write is tried after a back-off.
"""

import json
import time
from collections import deque
from typing import Any

from django.conf import settings
from django.db import transaction

from feedback.database.availability import DATABASE_GONE, connection_forget, database_probe
from feedback.training.execution.leases import Claim, run_heartbeat
from feedback.training.models import RunEvent

LOG_LINES = 200
LINE_LENGTH = 2000
NEWS_SECONDS = 0.5  # progress is written at most twice a second
SILENCE_SECONDS = 2.0  # a heartbeat at least this often, so that a cancel is noticed soon
LONGEST_BACK_OFF = 1.0


class CancelledError(Exception):
    """Somebody wants this run to end."""


class Reporter:
    """Reports for one attempt. `stage` says which part of the bar the next phase fills."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._values: dict[str, Any] = {}
        self._events: list[RunEvent] = []
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._span = (0.0, 1.0)
        self._due = 0.0
        self._back_off = 0.0
        self._heartbeat = min(SILENCE_SECONDS, settings.RUN_LEASE_SECONDS / 4)
        self._written = float("-inf")

    @property
    def last_line(self) -> str:
        """Return the last line of the child that was not progress."""
        return self._log[-1] if self._log else ""

    def stage(self, phase: str, start: float, end: float) -> None:
        """Say that a phase begins which fills the bar from `start` to `end`."""
        self._span = (start, end)
        self._values |= {"phase": phase, "progress": start}
        self.flush()

    def line(self, text: str) -> None:
        """Take a line of the child: a JSON object of progress, or a line for the log."""
        progress = _progress_of(text)
        if progress is None:
            self._log.append(text[:LINE_LENGTH])
            self._values["log"] = "\n".join(self._log)
            return
        start, end = self._span
        phase = str(progress["phase"])[:64]
        done = min(1.0, max(0.0, float(progress["progress"])))
        self._values |= {"phase": phase, "progress": start + (end - start) * done}
        self._events.append(
            RunEvent(
                run_id=self._claim.run_id,
                attempt=self._claim.attempt,
                step=int(progress.get("step", 0)),
                phase=phase,
                metrics=progress.get("metrics") or {},
            )
        )

    def tick(self) -> None:
        """Write what is due. Raises LeaseLostError or CancelledError."""
        now = time.monotonic()
        news = self._values and now >= self._written + NEWS_SECONDS
        if now >= self._due and (news or now >= self._written + self._heartbeat):
            self.flush()

    def flush(self) -> None:
        """Write what there is. Raises LeaseLostError or CancelledError."""
        try:
            if self._back_off:
                database_probe()
            self._write()
        except DATABASE_GONE:
            connection_forget()
            self._back_off = min(LONGEST_BACK_OFF, max(0.25, 2 * self._back_off))
            self._due = time.monotonic() + self._back_off
        else:
            self._back_off, self._written = 0.0, time.monotonic()

    def _write(self) -> None:
        with transaction.atomic():
            cancelled = run_heartbeat(claim=self._claim, values=self._values)
            RunEvent.objects.bulk_create(self._events)
        self._values, self._events = {}, []
        if cancelled:
            raise CancelledError


def _progress_of(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        row = json.loads(text)
    except ValueError:
        return None
    return row if isinstance(row, dict) and {"phase", "progress"} <= row.keys() else None
