"""Starts services, names and restarts those that die, and stops them in order.

One thread, because a child dies with the *thread* that started it (see `child.py`).
"""

import signal
import time
from collections.abc import Callable, Mapping
from itertools import groupby

from config.supervisor.output import OutputReader, say
from config.supervisor.service import Running, Service, exit_reason

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK = 0.1
SAME_REQUEST = 1.0  # `make` passes on the signal that we were sent, too


class StopRequested(Exception):  # noqa: N818 - not an error
    """Somebody asked the supervisor to end."""


class Supervisor:
    """A set of running services; use it as a context manager, which stops them at the end."""

    def __init__(self) -> None:
        self.running: list[Running] = []
        self._output = OutputReader()
        self._requested_at: float | None = None
        self._is_urgent = False

    def __enter__(self) -> "Supervisor":
        for number in SIGNALS:
            signal.signal(number, lambda *_: self._request_stop())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, service: Service, environment: Mapping[str, str]) -> None:
        """Start a service and keep it running from now on."""
        running = Running(service, environment)
        self.running.append(running)
        self._launch(running)

    def run(self, service: Service, environment: Mapping[str, str]) -> int:
        """Run a program to its end, watching the others meanwhile; return its exit status."""
        running = Running(service, environment)
        self._launch(running)
        try:
            self.wait_until(lambda: not running.is_alive())
        finally:
            running.kill_group()
        assert running.process is not None
        return running.process.wait()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Watch over the services until the condition holds or a signal asks to stop."""
        while not condition():
            self._tick()
            if self._requested_at is not None:
                raise StopRequested

    def stop(self) -> None:
        """Stop the services, the highest layer first; a second signal cuts the waiting short."""
        by_layer = sorted(self.running, key=lambda one: one.service.layer, reverse=True)
        for _, members in groupby(by_layer, key=lambda one: one.service.layer):
            self._stop_layer(list(members))
        self.running.clear()
        self._output.pump(0)

    def _stop_layer(self, members: list[Running]) -> None:
        for one in members:
            one.signal(one.service.stop_signal)
        begin = time.monotonic()
        while waiting := [one for one in members if one.is_alive()]:
            self._output.pump(TICK)
            limits = [0.0 if self._is_urgent else one.service.stop_seconds for one in waiting]
            if time.monotonic() - begin > max(limits):
                break
        for one in members:
            if one.is_alive():
                say(one.service.name, "did not stop in time and is killed")
            one.kill_group()

    def _request_stop(self) -> None:
        now = time.monotonic()
        self._is_urgent = self._requested_at is not None and now - self._requested_at > SAME_REQUEST
        self._requested_at = self._requested_at or now

    def _launch(self, running: Running) -> None:
        running.start()
        assert running.process is not None
        assert running.process.stdout is not None
        self._output.add(running.service.name, running.process.stdout)

    def _tick(self) -> None:
        end = time.monotonic() + TICK
        while (left := end - time.monotonic()) > 0:
            self._output.pump(left)
        for one in self.running:
            if one.process is None:
                if time.monotonic() >= one.due_at:
                    self._launch(one)
            elif not one.is_alive():
                self._bury(one, one.process.returncode)

    def _bury(self, one: Running, status: int) -> None:
        """Name the death, end what the process left behind, and plan the next start."""
        one.kill_group()
        one.process = None
        pause = one.plan_restart()
        say(one.service.name, f"{exit_reason(status)}; starting it again in {pause:g} s")
