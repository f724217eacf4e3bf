"""Ask each part whether it answers. Only the database decides whether people are served at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import httpx
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.translation import gettext, gettext_noop

from feedback.operations.preparation import migrations_missing
from feedback.registry.readiness import Stage, readiness
from feedback.routing.prompt_vectors.store import encoder_trouble

PATIENCE_SECONDS = 1
LONGEST_DETAIL = 500
WORKERS = 2  # one for each queue: it is enough to hear from these


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One part: whether it answers, and what is wrong or there."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Health:
    """All parts together."""

    checks: tuple[Check, ...]

    @property
    def status(self) -> str:
        """Return `ready`, `degraded` (people are served, something waits) or `unavailable`."""
        failed = {check.name for check in self.checks if not check.ok}
        if failed & {"database", "migrations"}:
            return "unavailable"
        return "degraded" if failed else "ready"


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=3, thread_name_prefix="health")


def health() -> Health:
    """Ask every part at once, and wait a second for each at most."""
    others = {
        gettext_noop("broker"): _broker,
        gettext_noop("workers"): _workers,
        gettext_noop("inference"): _inference,
    }
    asked = {name: _threads().submit(_checked, name, ask) for name, ask in others.items()}
    own = [
        _checked(gettext_noop("database"), _database),
        _checked(gettext_noop("migrations"), _migrations),
    ]
    checks = [*own, *(future.result() for future in asked.values())]
    if all(check.ok for check in checks if check.name in ("database", "inference")):
        fits = _checked("inference", _serves)
        checks = [fits if check.name == fits.name and not fits.ok else check for check in checks]
    return Health(tuple(checks))


def _checked(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=ask())
    except Exception as error:
        return Check(
            name=name, ok=False, detail=str(error)[:LONGEST_DETAIL] or type(error).__name__
        )


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def _migrations() -> str:
    if missing := migrations_missing():
        raise DatabaseError(f"{len(missing)} migrations are not applied: run manage.py prepare")
    return gettext("all applied")


def _broker() -> str:
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=1, timeout=PATIENCE_SECONDS)
        return broker.transport_cls if isinstance(broker.transport_cls, str) else "connected"


def _workers() -> str:
    heard = current_app.control.inspect(timeout=PATIENCE_SECONDS, limit=WORKERS).ping() or {}
    if not heard:
        raise RuntimeError("no worker answers: what is asked of them waits")
    return ", ".join(sorted(heard))


def _inference() -> str:
    answer = httpx.get(
        f"{settings.EMBEDDINGS_URL}/v1/models", timeout=PATIENCE_SECONDS, trust_env=False
    )
    answer.raise_for_status()
    served = ", ".join(str(model["id"]) for model in answer.json()["data"])
    if readiness().stage is not Stage.PREPARING:
        return served
    waiting = gettext("%(model)s is being prepared") % {"model": settings.MODELS}
    return f"{served}; {waiting}"


def _serves() -> str:
    """Refuse an inference server whose vectors nothing here can read, or that has no models."""
    if trouble := encoder_trouble():
        raise RuntimeError(trouble)
    models = readiness()
    if models.stage is Stage.FAILED:
        raise RuntimeError(models.problem)
    return ""
