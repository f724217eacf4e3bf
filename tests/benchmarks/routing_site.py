"""The site as far as routing needs it: PostgreSQL, web processes, and a real inference server."""

import json
import sys
import time
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import psutil

from config.supervisor.plan import any_port
from tests.benchmarks.queue_site import QueueSite


class RoutingSite(QueueSite):
    """A site in a folder of its own, whose inference server can be stopped and killed."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.inference_port = any_port()
        self.inference: Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of the site."""
        return super().environment | {"INFERENCE_URL": f"http://127.0.0.1:{self.inference_port}"}

    def prepare(self, models: int) -> str:
        """Start everything with so many models; an API key that may route."""
        self.postgres.start()
        self.run("manage.py", "migrate", "--verbosity", "0")
        words = ["-m", "tests.benchmarks.routing_setup", str(self.data_dir / "embedding")]
        printed = self.run(*words, "--models", str(models))
        self.rows("VACUUM ANALYZE")
        self.start_inference()
        self.start_web()
        key: str = json.loads(printed.splitlines()[-1])["key"]
        return key

    def start_inference(self) -> None:
        """The inference server as `up` runs it, until it answers."""
        artifacts = ["--artifacts", str(self.data_dir / "promoted")]
        port = ["--port", str(self.inference_port)]
        self.inference = self.start(sys.executable, "-m", "trainers", "serve", *artifacts, *port)
        ends = time.monotonic() + 120
        while not self._infers():
            assert time.monotonic() < ends, (self.data_dir / "site.log").read_text()[-3000:]
            time.sleep(0.2)

    def _infers(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.inference_port}/healthz"
            return httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def cpu_seconds(self) -> dict[str, Any]:
        """What the web processes, PostgreSQL and the inference server have used so far."""
        assert self.inference is not None
        times = psutil.Process(self.inference.pid).cpu_times()
        return {**super().cpu_seconds(), "inference": times.user + times.system}
