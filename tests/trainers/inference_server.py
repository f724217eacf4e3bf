"""The inference server as a real process."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai

ROOT = Path(__file__).resolve().parents[2]

ASKED = [{"role": "user", "content": "Explain tea, please"}]
LONG = {"model": "endless", "messages": ASKED, "max_tokens": 2000, "temperature": 1.9}


@dataclass
class Served:
    """A running server."""

    url: str
    folder: Path
    process: subprocess.Popen[str]
    log: list[str]

    @property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return httpx.post(self.url + path, timeout=120, **more)

    def health(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/healthz").json())

    def wait(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Until `/healthz` says so; returns what it says."""
        deadline = time.monotonic() + 60
        while not is_so(health := self.health()):
            assert time.monotonic() < deadline, health
            time.sleep(0.05)
        return health


@contextmanager
def running(
    folder: Path, *more: str, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    command = [sys.executable, "-m", "trainers", "serve", "--artifacts", str(folder), "--port", "0"]
    process = subprocess.Popen(
        [*command, *more],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TRAINERS_DIE_WITH_PARENT": str(os.getpid())} | dict(environment or {}),
    )
    log: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            log.append(line)
            if line.startswith("serving http"):
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        assert ready.wait(60), "the server did not start"
        assert process.poll() is None, "".join(log)
        url = next(line for line in log if line.startswith("serving http")).split()[1]
        yield Served(url, folder, process, log)
    finally:
        process.kill()
        process.wait()


def point(link: Path, target: Path) -> None:
    """Swap a symbolic link in one step, as a promotion does."""
    aside = link.with_name(f".{link.name}.new")
    aside.symlink_to(target)
    aside.replace(link)
