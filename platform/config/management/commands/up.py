"""`manage.py up`: everything that the site consists of, in one terminal."""

import fcntl
import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.supervisor import plan as planning
from config.supervisor.output import say
from config.supervisor.prepare import LINK_FILE
from config.supervisor.supervisor import StopRequested, Supervisor


class Command(BaseCommand):
    """Starts, watches, restarts and stops the database, broker, web, workers and inference."""

    help = "Run the whole site: database, broker, web, workers, schedules and inference."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--port`, which wins over PORT."""
        port = int(os.environ.get("PORT") or 8000)
        parser.add_argument("--port", type=int, default=port, help="of the site (8000)")

    def handle(self, *, port: int, **_: Any) -> None:
        """Run until Ctrl-C or SIGTERM."""
        begin = time.monotonic()
        data_dir = Path(settings.DATA_DIR)
        (data_dir / "promoted").mkdir(parents=True, exist_ok=True)
        with only_one(data_dir):
            if not planning.is_free(port):
                raise CommandError(f"Port {port} is taken: stop what listens there, or set PORT.")
            plan = planning.make_plan(data_dir, port)
            plan.write()
            try:
                with Supervisor() as supervisor:
                    run(supervisor, plan, begin)
            except StopRequested:
                say("up", "stopped")
            finally:
                plan.forget()


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Refuse to run twice on one data folder; the kernel frees the lock of a killed process."""
    with (data_dir / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(
                f"Already running on {data_dir}: stop it, or choose another DATA_DIR."
            ) from error
        yield


def run(supervisor: Supervisor, plan: planning.Plan, begin: float) -> None:
    """Start layer by layer, say where the site is, and watch."""
    environment = plan.environment
    say("up", f"starting; data in {plan.data_dir}")
    # Inference is the slowest to begin, and waits for nobody: on a first start it also makes its
    # model. The site is ready without it.
    for service in (*planning.inference_services(plan), *planning.server_services(plan)):
        supervisor.start(service, environment)
    call_command(
        "collectstatic", interactive=False, verbosity=0
    )  # the web looks once, at its start
    if plan.postgres:
        supervisor.wait_until(plan.postgres.is_ready)
    if plan.broker:
        supervisor.wait_until(plan.broker.is_ready)
    supervisor.start(planning.web_service(plan), environment)
    if supervisor.run(planning.prepare_service(), environment) != 0:
        raise CommandError("The database could not be prepared; the reason is above.")
    for service in planning.work_services():
        supervisor.start(service, environment)
    supervisor.wait_until(lambda: answers(f"{plan.url}/readyz"))
    announce(plan, time.monotonic() - begin)
    supervisor.wait_until(lambda: False)


def announce(plan: planning.Plan, seconds: float) -> None:
    """Print the address and, until somebody is the operator, the way to become it."""
    say("up", f"ready after {seconds:.1f} s: {plan.url}/")
    link = plan.data_dir / LINK_FILE
    if link.exists():
        say("up", f"become the operator (works once): {plan.url}{link.read_text()}")
        link.unlink()


def answers(url: str) -> bool:
    """Return whether a GET of the URL is answered with success."""
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
