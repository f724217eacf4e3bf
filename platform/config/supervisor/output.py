"""The output of many processes on one terminal: whole lines, each with the name of its process."""

import os
import selectors
import sys
from typing import IO

NAME_WIDTH = 10


def say(name: str, text: str) -> None:
    """Print one line; a closed terminal must not stop the servers from being stopped."""
    try:
        sys.stdout.write(f"{name:<{NAME_WIDTH}} | {text}\n")
        sys.stdout.flush()
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - kept open until the end


class OutputReader:
    """Reads the pipes of all processes without ever waiting for one of them."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, name: str, pipe: IO[bytes]) -> None:
        """Read this pipe, too, until its writers are gone."""
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, selectors.EVENT_READ, _Lines(name))

    def pump(self, seconds: float) -> None:
        """Print what has come, or wait so long for something."""
        for key, _ in self._selector.select(seconds):
            data = os.read(key.fd, 65536)
            key.data.feed(data)
            if not data:
                self._selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]


class _Lines:
    """Bytes in, whole lines out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        if not data and self.rest:
            lines, self.rest = [self.rest], b""
        for line in lines:
            if text := line.decode(errors="replace").rstrip():
                say(self.name, text)
