"""The site in a process of its own, under the server that users have: what streams needs it."""

import subprocess
import sys
import time

import httpx

from config.supervisor.plan import any_port
from tests.conftest import ROOT


class WebServer:
    """uvicorn on a free port, on the database of the tests."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.port = any_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.process is not None and self.process.poll() is None:
            return
        options = ["--port", str(self.port), "--lifespan", "off", "--log-level", "warning"]
        options += ["--timeout-graceful-shutdown", "1"]
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", *options]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment)
        ends = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                assert self.process.poll() is None, "the web server did not start"
            assert time.monotonic() < ends, "the web server did not answer in time"
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as the supervisor does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
