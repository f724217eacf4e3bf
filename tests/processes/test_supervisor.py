"""`manage.py up`: starts everything, names and restarts what dies, stops all, leaves no orphan."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from config.supervisor.plan import any_port
from tests.conftest import ROOT, make_data_dir

pytestmark = pytest.mark.processes

KINDS = {  # what tells the process of a service by its command line
    "database": "bin/postgres -D",
    "broker": "redis-server",
    "web": "uvicorn config.asgi",
    "worker-cpu": "worker -Q cpu",
    "worker-gpu": "worker -Q gpu",
    "beat": "config.celery beat",
    "inference": "trainers serve",
}
OWN_SERVERS = ("DATABASE_URL", "CELERY_BROKER_URL", "INFERENCE_URL", "DATA_DIR", "PORT")


class Site:
    """A running `manage.py up`, its output and its descendants."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = any_port()
        self.log = data_dir / "up.log"
        with self.log.open("w") as log:
            self.process = psutil.Popen(
                self.command(), env=self.environment(), stdout=log, stderr=subprocess.STDOUT
            )

    def command(self) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(self.port)]

    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if name not in OWN_SERVERS}
        return kept | {"DATA_DIR": str(self.data_dir)}

    def output(self) -> str:
        return self.log.read_text()

    def find(self, kind: str) -> psutil.Process | None:
        """The process that the supervisor itself started for a service."""
        for child in self.process.children():
            try:
                if KINDS[kind] in " ".join(child.cmdline()) and "child.py" not in child.cmdline():
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    def descendants(self) -> list[psutil.Process]:
        return self.process.children(recursive=True)

    def wait_for(self, condition: Callable[[], Any], what: str, limit: float = 180) -> Any:
        deadline = time.monotonic() + limit
        while not (value := condition()):
            assert time.monotonic() < deadline, f"no {what} after {limit} s:\n{self.output()}"
            assert self.process.poll() is None, self.output()
            time.sleep(0.1)
        return value

    def wait_until_ready(self) -> None:
        self.wait_for(lambda: "ready after" in self.output(), "ready site")

    def is_answering(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    folder = make_data_dir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def site(data_dir: Path) -> Iterator[Site]:
    site = Site(data_dir)
    try:
        site.wait_until_ready()
        yield site
        site.process.terminate()
        assert site.process.wait(timeout=120) == 0
    finally:
        if site.process.is_running():
            site.process.kill()


def test_inference_does_not_wait_for_the_database(site: Site) -> None:
    inference = site.wait_for(lambda: site.find("inference"), "inference")
    web = site.wait_for(lambda: site.find("web"), "web")
    assert inference.create_time() < web.create_time()  # which is started once the database answers


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_process_is_named_and_started_again(site: Site, kind: str) -> None:
    victim = site.wait_for(lambda: site.find(kind), kind)
    family = [victim, *victim.children(recursive=True)]
    victim.kill()
    site.wait_for(
        lambda: f"{kind:<10} | was killed by SIGKILL; starting it again" in site.output(),
        f"word of the death of {kind}",
    )
    site.wait_for(lambda: site.find(kind) not in {None, victim}, f"new {kind}")
    site.wait_for(site.is_answering, "answer")
    _, left = psutil.wait_procs(family, timeout=60)
    assert left == []


def test_a_first_start_offers_the_operators_link_once(site: Site) -> None:
    assert site.output().count(f"http://127.0.0.1:{site.port}/people/invitation/") == 1
    assert not (site.data_dir / "operator-link").exists()


def test_a_browser_keeps_styles_and_scripts_for_good(site: Site) -> None:
    url = f"http://127.0.0.1:{site.port}"
    page = httpx.get(f"{url}/terms/", timeout=10).text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert any(re.fullmatch(r"/static/feedback/ui\.[0-9a-f]{12}\.css", name) for name in files)
    for name in files:
        answer = httpx.get(f"{url}{name}", timeout=10)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_another_terminal_finds_the_servers_and_no_other_user_does(site: Site) -> None:
    path = site.data_dir / "servers.json"
    assert path.stat().st_mode & 0o077 == 0
    servers = json.loads(path.read_text())
    with psycopg.connect(servers["DATABASE_URL"]) as db:
        assert db.execute("SELECT count(*) > 0 FROM django_migrations").fetchone() == (True,)


def test_a_second_start_on_the_same_data_is_refused(site: Site) -> None:
    second = subprocess.run(
        site.command(), env=site.environment(), capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"Already running on {site.data_dir}" in second.stderr
    assert site.is_answering()


def test_a_taken_port_is_refused(site: Site) -> None:
    other = make_data_dir()
    second = subprocess.run(
        site.command(),
        env=site.environment() | {"DATA_DIR": str(other)},
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(other)
    assert second.returncode == 1
    assert f"Port {site.port} is taken" in second.stderr


@pytest.fixture(scope="module")
def other_data_dir() -> Iterator[Path]:
    folder = make_data_dir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_supervisor(number: signal.Signals, other_data_dir: Path) -> None:
    site = Site(other_data_dir)
    try:
        site.wait_until_ready()
        for kind in KINDS:
            site.wait_for(lambda kind=kind: site.find(kind), kind)
        family = site.descendants()
        site.process.send_signal(number)
        status = site.process.wait(timeout=120)
        assert status == (-number if number == signal.SIGKILL else 0), site.output()
        _, left = psutil.wait_procs(family, timeout=60)
        assert left == []
    finally:
        if site.process.is_running():
            site.process.kill()
