"""A trainer as a child process: `python -m trainers …`, followed line by line.

The child leads its own process group and ends with this process, even when this one is killed.
It is started from the main thread: Linux ties the parent-death signal to the thread.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings

TICK_SECONDS = 0.25
GRACE_SECONDS = 5.0
CHUNK = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended: its exit status (negative: the signal), and the last line it printed."""

    status: int
    last_line: str

    @property
    def report(self) -> dict[str, Any]:
        """Return the JSON object that a trainer prints last."""
        report: dict[str, Any] = json.loads(self.last_line)
        return report


def trainer_run(
    arguments: Sequence[str], *, on_line: Callable[[str], None], on_tick: Callable[[], None]
) -> Ended:
    """Run a trainer to its end; `on_line` gets each line of its standard error.

    `on_tick` is called a few times a second; what it raises ends the child and goes on up.
    """
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
        [sys.executable, "-m", "trainers", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    output = _Lines()
    try:
        _follow(process, output, on_line, on_tick)
        return Ended(status=process.wait(), last_line=output.last)
    finally:
        _stop(process)


def _follow(
    process: subprocess.Popen[bytes],
    output: "_Lines",
    on_line: Callable[[str], None],
    on_tick: Callable[[], None],
) -> None:
    errors = _Lines()
    with selectors.DefaultSelector() as selector:
        for stream, lines in ((process.stdout, output), (process.stderr, errors)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, lines)
        while selector.get_map():
            for key, _ in selector.select(TICK_SECONDS):
                chunk = os.read(key.fd, CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                for line in key.data.feed(chunk):
                    if key.data is errors:
                        on_line(line)
            on_tick()


class _Lines:
    """Cuts bytes into whole lines and keeps the last one."""

    def __init__(self) -> None:
        self._rest = b""
        self.last = ""

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that this chunk completes; an empty chunk is the end."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk and self._rest:
            whole, self._rest = [*whole, self._rest], b""
        lines = [line.decode(errors="replace").rstrip() for line in whole]
        lines = [line for line in lines if line]
        self.last = lines[-1] if lines else self.last
        return lines


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH")]))
    return os.environ | {
        "PYTHONPATH": path,
        "DATA_DIR": str(settings.DATA_DIR),  # where a checkpoint is that packages carry
        "PYTHONWARNINGS": "ignore::FutureWarning",  # of libraries: no reader of a log can act on it
        "TRAINERS_DIE_WITH_PARENT": str(os.getpid()),
    }


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group with SIGTERM, then SIGKILL; a child that has ended is left alone."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    _signal(process, signal.SIGKILL)  # what it may have started itself
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
