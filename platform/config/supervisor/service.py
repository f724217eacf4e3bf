"""One supervised process: what to run, how it is doing, how to end it."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

LONGEST_PAUSE = 30.0  # seconds between two starts of a process that keeps dying
STEADY = 30.0  # a process that lived this long starts again without a pause


@dataclass(frozen=True, slots=True)
class Service:
    """A program and its place in the order: lower layers start first and stop last."""

    name: str
    command: Sequence[str]
    layer: int
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5.0


@dataclass(slots=True)
class Running:
    """A service and its present process; after a death, when to start the next one."""

    service: Service
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = field(default=0)

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches the supervisor only."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            self.service.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )

    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def plan_restart(self) -> float:
        """Return the seconds before the next start, doubled with each early death."""
        lived = time.monotonic() - self.started_at
        self.failures = 0 if lived > STEADY else self.failures + 1
        pause = min(2.0 ** (self.failures - 2), LONGEST_PAUSE)
        self.due_at = time.monotonic() + pause
        return pause

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, unless it is gone."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def kill_group(self) -> None:
        """End whatever is left of the process and of its descendants in its session."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


def exit_reason(status: int) -> str:
    """Return what a process ended with, in words."""
    if status >= 0:
        return f"ended with exit status {status}"
    return f"was killed by {signal.Signals(-status).name}"
