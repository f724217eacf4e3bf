"""A checkout's web site, with a database of its own, the starter pool, and three people."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from tests.behaviour.checkout import Checkout
from tests.behaviour.starter import SINGLE, write_people

PLATFORM = Path(__file__).resolve().parents[2] / "platform"
STARTS_WITHIN = 120.0  # seconds

TRAINED = ("embedding", "ranking")
SCOPES = ("tasks:work", "preferences:write")
CAMPAIGN = (
    *("--slug", SINGLE, "--source", SINGLE, "--overlap", "5", "--gold-share", "0"),
    *("--aspects", "accuracy,clarity", "--reasons", "too long,wrong"),
)

SCHEDULES = """
from feedback.operations.schedules import schedules_ensure
print(schedules_ensure())
"""
WORK = """
import json
from celery import current_app
from django.conf import settings
from django_celery_beat.models import PeriodicTask
current_app.loader.import_default_modules()
current_app.conf.task_always_eager = True
periodic = PeriodicTask.objects.filter(enabled=True, args="[]", kwargs="{}")
names = [*settings.CELERY_TASK_ROUTES, *sorted(set(periodic.values_list("task", flat=True)))]
print(json.dumps([[name, current_app.tasks[name].apply().state] for name in names]))
"""
SESSIONS = """
import json
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.test import Client
cookies = {}
for name in ("Operator", "Contributor"):
    person = get_user_model().objects.get(name=name)
    if name == "Contributor":
        EmailAddress.objects.create(user=person, email="c@example.org", verified=True, primary=True)
    client = Client()
    client.force_login(person)
    cookies[name.lower()] = {key: morsel.value for key, morsel in client.cookies.items()}
print(json.dumps(cookies))
"""
ROUTES = """
import json
from django.urls import get_resolver
def walk(patterns, before=""):
    for one in patterns:
        route = before + str(one.pattern)
        yield from walk(one.url_patterns, route) if hasattr(one, "url_patterns") else [route]
print(json.dumps(sorted(set(walk(get_resolver().url_patterns)))))
"""
APPLICATION = """
import json
from django.conf import settings
module, _, name = settings.ASGI_APPLICATION.rpartition(".")
print(json.dumps(f"{module}:{name}"))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A site that answers at `url`: its routes, cookies of people, a contributor's API key.

    `work` is what the commands and tasks said that made it.
    """

    url: str
    routes: list[str]
    people: dict[str, dict[str, str]]
    key: str
    work: dict[str, Any]

    def client(self, person: str, language: str = "en") -> httpx.Client:
        """Return a browser of this person; `visitor` has no session."""
        return httpx.Client(
            base_url=self.url,
            cookies=self.people.get(person, {}),
            headers={"Accept-Language": language, "Accept-Encoding": "identity"},
            timeout=60,
        )


@contextlib.contextmanager
def running_site(checkout: Checkout) -> Iterator[Site]:
    """Run the checkout's site on a new database until the block ends."""
    with _database(checkout.work / "database") as address:
        checkout = replace(checkout, variables={"DATABASE_URL": address})
        checkout.manage("migrate")
        checkout.shell(SCHEDULES)
        checkout.manage("starter_load")
        checkout.manage("contributor_create", "Operator", "--operator")
        checkout.manage("contributor_create", "Contributor")
        imported = {
            source: _import(checkout, path) for source, path in write_people(checkout.work).items()
        }
        checkout.manage("campaign_create", *CAMPAIGN)
        key = checkout.manage("apikey_create", "Contributor", "--scope", *SCOPES)
        for kind in TRAINED:
            checkout.manage("train", kind)
        tasks = checkout.shell(WORK)
        people = checkout.shell(SESSIONS)
        routes = checkout.shell(ROUTES)
        with _server(checkout, checkout.shell(APPLICATION)) as url:
            work = {"imports": imported, "tasks": tasks}
            yield Site(url, routes, people, json.loads(key.splitlines()[-1])["key"], work)


def _import(checkout: Checkout, path: Path) -> dict[str, Any]:
    printed = checkout.manage("import_data", str(path), "--format", "preferences")
    report: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return {name: value for name, value in report.items() if name != "seconds"}


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[str]:
    """Run the embedded PostgreSQL of the checkout that records, not of the recorded one."""
    sys.path.insert(0, str(PLATFORM))
    from config.supervisor.postgres import EmbeddedPostgres

    folder.mkdir()
    folder.chmod(0o711)  # an unprivileged PostgreSQL passes through
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@contextlib.contextmanager
def _server(checkout: Checkout, application: str) -> Iterator[str]:
    """Run uvicorn on a free port, and wait until it answers."""
    from config.supervisor.plan import any_port

    port = any_port()
    url = f"http://127.0.0.1:{port}"
    options = ["--port", str(port), "--lifespan", "off", "--log-level", "error"]
    command = [checkout.python, "-m", "uvicorn", application, *options]
    log = checkout.work / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=checkout.root, env=checkout.environment, stdout=file, stderr=file
        )
    try:
        _wait_for(f"{url}/healthz", process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < ends:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the site did not start:\n{log.read_text()}")
