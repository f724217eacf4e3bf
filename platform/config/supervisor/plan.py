"""Plan what `manage.py up` runs: servers that the environment names none of, then our processes."""

import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.environment import embedded_servers, read_text
from config.supervisor.broker import EmbeddedBroker
from config.supervisor.child import child_command
from config.supervisor.postgres import EmbeddedPostgres
from config.supervisor.service import Service
from trainers.pretrained.packages import SMOLLM2

ROOT = Path(__file__).resolve().parents[3]
HOST = "127.0.0.1"
INFERENCE_PORT = 8010
INFERENCE_USES = ("EMBEDDINGS_URL", "CHAT_URL", "SCORE_URL")
DATABASE, BROKER, WORK, WEB = range(4)  # layers
PATIENT = ("nice", "-n", "10")  # before the command of what nobody waits for


@dataclass(slots=True)
class Plan:
    """The embedded servers of one data folder, and the addresses that the children are told."""

    data_dir: Path
    port: int
    postgres: EmbeddedPostgres | None = None
    broker: EmbeddedBroker | None = None
    inference_port: int | None = None
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the address of the site."""
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every child."""
        return os.environ | {
            **self.addresses,
            "DATA_DIR": str(self.data_dir),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        }

    def write(self) -> None:
        """Tell management commands in other terminals, and no other user, the addresses."""
        write_servers(self.data_dir, self.addresses)

    def forget(self) -> None:
        """Remove the addresses but keep the secret, so that sessions outlive a restart."""
        kept = {name: text for name, text in self.addresses.items() if name == "SECRET_KEY"}
        write_servers(self.data_dir, kept)


def make_plan(data_dir: Path, port: int) -> Plan:
    """Decide what to run; creates the database cluster of a new data folder."""
    plan = Plan(data_dir, port)
    if not read_text("SECRET_KEY"):
        known = embedded_servers(data_dir).get("SECRET_KEY")
        plan.addresses["SECRET_KEY"] = known or secrets.token_urlsafe(50)
    if not read_text("DATABASE_URL"):
        plan.postgres = EmbeddedPostgres(data_dir)
        plan.postgres.prepare()
        plan.addresses["DATABASE_URL"] = plan.postgres.url
    if not read_text("CELERY_BROKER_URL"):
        plan.broker = EmbeddedBroker(data_dir)
        plan.addresses["CELERY_BROKER_URL"] = plan.broker.url
    if not read_text("INFERENCE_URL") and not all(map(read_text, INFERENCE_USES)):
        plan.inference_port = free_port(INFERENCE_PORT)
        plan.addresses["INFERENCE_URL"] = f"http://{HOST}:{plan.inference_port}"
    return plan


def server_services(plan: Plan) -> list[Service]:
    """Return the embedded database and broker, where no other is named."""
    services = []
    if plan.postgres:
        command = plan.postgres.command
        services.append(Service("database", command, DATABASE, signal.SIGINT, stop_seconds=60))
    if plan.broker:
        services.append(Service("broker", plan.broker.command, BROKER))
    return services


def inference_services(plan: Plan) -> list[Service]:
    """Return the inference server, where no other is named; it needs none of the others."""
    if plan.inference_port is None:
        return []
    options = ["--artifacts", str(plan.data_dir / "promoted"), "--port", str(plan.inference_port)]
    if settings.MODELS == "smollm2" and SMOLLM2.is_installed:
        options += ["--pretrained", "smollm2"]
    return [Service("inference", _python("-m", "trainers", "serve", *options), WORK)]


def prepare_service() -> Service:
    """Return the process of migrations and the starter pool, before the work begins."""
    return Service("prepare", _python("-m", "config.supervisor.prepare"), WORK)


def web_service(plan: Plan) -> Service:
    """Return Django under uvicorn, in `WEB_WORKERS` processes; uvicorn replaces one that dies."""
    address = ["--host", HOST, "--port", str(plan.port), "--lifespan", "off", "--no-proxy-headers"]
    options = ["--timeout-graceful-shutdown", "2", "--no-access-log"]
    options += ["--log-level", "warning", "--workers", str(web_workers())]
    words = ["-m", "uvicorn", "config.asgi:application", *address, *options]
    # On the supervisor's death it takes its own processes with it, so it is asked, not killed.
    return Service("web", _python(*words, on_parent_death=signal.SIGTERM), WEB)


def web_workers() -> int:
    """Return how many web processes run: one a core, unless `WEB_WORKERS` says otherwise."""
    text = read_text("WEB_WORKERS") or str(_cores())
    if not (text.isdecimal() and int(text) > 0):
        raise ImproperlyConfigured(f"WEB_WORKERS must be a number of processes, not {text!r}.")
    return int(text)


def work_services() -> list[Service]:
    """Return the workers of both queues, and the clock."""
    cores = str(_cores())
    # Celery's SIGQUIT does not wait for the task: a run is given back at once, and goes on later.
    trains = _celery("worker", "-Q", "gpu", "-n", "gpu@%h", "-c", "1", before=PATIENT)
    return [
        Service("worker-cpu", _celery("worker", "-Q", "cpu", "-n", "cpu@%h", "-c", cores), WORK),
        Service("worker-gpu", trains, WORK, signal.SIGQUIT),
        Service("beat", _celery("beat", "--pidfile="), WORK),
    ]


def _cores() -> int:
    return min(os.cpu_count() or 1, 4)


def free_port(wanted: int) -> int:
    """Return the wanted port, or any other that is free."""
    return wanted if is_free(wanted) else any_port()


def is_free(port: int) -> bool:
    """Return whether a server of ours could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def write_servers(data_dir: Path, addresses: dict[str, str]) -> None:
    """Replace `servers.json`, which `config.environment` reads; for its owner alone."""
    aside = data_dir / "servers.json.partial"
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(addresses, indent=2))
    aside.rename(data_dir / "servers.json")


def any_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _python(
    *words: str,
    on_parent_death: signal.Signals = signal.SIGKILL,
    before: Sequence[str] = (),
) -> Sequence[str]:
    return child_command([*before, sys.executable, *words], on_parent_death=on_parent_death)


def _celery(command: str, *options: str, before: Sequence[str] = ()) -> Sequence[str]:
    words = ["-m", "celery", "--quiet", "-A", "config.celery", command, *options]
    return _python(*words, "--loglevel", "WARNING", before=before)
