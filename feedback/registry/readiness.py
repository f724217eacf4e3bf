"""Whether our own inference server has its packaged checkpoint ready, by a short look.

On a first start it makes the checkpoint, which takes a while. Nobody is asked meanwhile, so that
nothing counts as a failure, and people are told to wait.
"""

import threading
import time
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import httpx
from django.conf import settings
from django.db.models import Q, QuerySet

from feedback.registry.models import ModelVersion, ProviderKind
from trainers.pretrained.adapters import specialities

KEPT_SECONDS = 2.0  # how old a look may be
DEADLINE_SECONDS = 0.5
READY = "ready"  # the state in the server's words


class Stage(Enum):
    """How far the server is with its checkpoint."""

    UNKNOWN = "unknown"  # it is slow to answer, or another server stands there
    AWAY = "away"  # nothing answers there: it has not started, or has ended
    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The stage, and what is wrong where it has failed."""

    stage: Stage
    problem: str = ""


def house_versions() -> QuerySet[ModelVersion]:
    """Return the versions that our inference server answers from the packaged checkpoint.

    They are the house models and what was tuned from them here.
    """
    names = list(specialities())
    own = Q(remote_name__in=names) | Q(base__remote_name__in=names)
    return ModelVersion.objects.filter(own, provider__kind=ProviderKind.INFERENCE)


def is_withheld() -> bool:
    """Say whether the house models cannot be asked now, because their checkpoint is not ready."""
    return readiness().stage in (Stage.AWAY, Stage.PREPARING, Stage.FAILED)


def readiness() -> Readiness:
    """Return how far the server is, at most two seconds old; a wait is half a second at most."""
    if settings.MODELS == "none":
        return Readiness(Stage.UNKNOWN)
    return _look.now()


class _Look:
    """The last look of this process at the server, repeated when it is too old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found = Readiness(Stage.UNKNOWN)
        self._until = 0.0

    def now(self) -> Readiness:
        with self._lock:
            if time.monotonic() >= self._until:
                self._found = _asked(self._found)
                self._until = time.monotonic() + KEPT_SECONDS
            return self._found


_look = _Look()


def _asked(before: Readiness) -> Readiness:
    """Ask the server; where it is slow, what was known before still holds."""
    url = f"{settings.CHAT_URL.rstrip('/').removesuffix('/v1')}/healthz"
    try:
        answer = _client().get(url)
        said = answer.json()["pretrained"]
        stage = Stage.READY if said["state"] == READY else Stage.PREPARING
        problem = str(said["problem"] or "")
    except httpx.ConnectError:
        return Readiness(Stage.AWAY)
    except httpx.HTTPError:
        return before
    except (LookupError, TypeError, ValueError):
        return Readiness(Stage.UNKNOWN)  # no packaged checkpoint is served there
    return Readiness(Stage.FAILED, problem) if problem else Readiness(stage)


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    """Return one client a process: making one takes longer than a look."""
    return httpx.Client(timeout=DEADLINE_SECONDS, trust_env=False)
