"""Who can be asked now: failures in a row pause a provider, and a health check brings it back.

A pause that the server asks for (429) ends by itself. One after failures doubles from 15 seconds
to half an hour, and ends with a call that goes well: a health check's, or an operator's. Calls
that were under way when a pause began tell nothing new and do not make it longer. A model that its
server does not know rests alone; the server's other models go on.
"""

from datetime import timedelta
from typing import cast

from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from feedback.registry.errors import OWN_LIMIT, TOO_MANY, Fault, NoAnswerError
from feedback.registry.models import ModelVersion, Provider, VersionQuerySet, VersionState
from feedback.registry.readiness import house_versions, is_withheld

PAUSE_AFTER = 3  # failures one after another
FIRST_REST = timedelta(seconds=15)
LONGEST_REST = timedelta(minutes=30)
LONGEST_ASKED = timedelta(hours=1)  # a server may ask for more; then it is asked again

Asked = Provider | ModelVersion


def is_well(prefix: str = "") -> Q:
    """Return the filter for what is in use and not resting; `prefix` leads to it."""
    rested = Q(**{f"{prefix}failures__lt": PAUSE_AFTER, f"{prefix}resting_until__lte": Now()})
    awake = Q(**{f"{prefix}resting_until": None}) | rested
    return awake & Q(**{f"{prefix}state": VersionState.ACTIVE})


_WELL = ModelVersion.objects.filter(is_well(), Q(provider=None) | is_well("provider__"))


def well_versions() -> QuerySet[ModelVersion]:
    """Return the versions that may answer now: in use and well, like the provider behind them.

    Those of our own checkpoint are left out while it is not ready.
    """
    return _well()


def live_versions() -> QuerySet[ModelVersion]:
    """Return the well versions that a server stands behind, which answer anything."""
    return _well().served()


def _well() -> VersionQuerySet:
    # Putting the query together costs as much as asking it.
    return _WELL.exclude(pk__in=house_versions().values("pk")) if is_withheld() else _WELL.all()


def call_ended(version: ModelVersion, error: NoAnswerError | None) -> None:
    """Note how a call went. Who stops listening says nothing about the server."""
    provider = cast(Provider, version.provider)
    if error is None:
        _answered(provider)
        _answered(version)
    elif error.fault is Fault.PROVIDER:
        _failed(provider, error)
    elif error.fault is Fault.VERSION:
        _failed(version, error)
    elif str(error) == OWN_LIMIT:
        _rest(provider, timedelta(seconds=error.retry_after or 1))


def _answered(asked: Asked) -> None:
    """Note that it is well; costs a write only where it was not."""
    unwell = Q(failures__gt=0) | Q(resting_until__isnull=False)
    _row(asked).filter(unwell).update(failures=0, failing_since=None, resting_until=None)


def _failed(asked: Asked, error: NoAnswerError) -> None:
    """Count a failure and, where it is time, let it rest."""
    with transaction.atomic():
        row = _row(asked).select_for_update().get()
        now = timezone.now()
        row.last_error, row.last_error_at = str(error)[:200], now
        if row.resting_until is None or row.resting_until <= now:
            row.failures += 1
            row.failing_since = row.failing_since or now
            rest = _rest_after(row.failures, error)
            row.resting_until = now + rest if rest else None
        row.save(
            update_fields=[
                *("failures", "failing_since", "resting_until", "last_error", "last_error_at")
            ]
        )


def _rest_after(failures: int, error: NoAnswerError) -> timedelta | None:
    if error.retry_after is not None:
        return min(timedelta(seconds=error.retry_after), LONGEST_ASKED)
    doublings = failures - PAUSE_AFTER
    if doublings < 0:
        return FIRST_REST if str(error) == TOO_MANY else None
    return min(FIRST_REST * (1 << min(doublings, 10)), LONGEST_REST)


def _rest(asked: Asked, rest: timedelta) -> None:
    """Leave it alone for a while, through no fault of its own."""
    _row(asked).filter(resting_until=None).update(resting_until=timezone.now() + rest)


def _row(asked: Asked) -> "models.QuerySet[Provider] | models.QuerySet[ModelVersion]":
    kind = type(asked)
    return kind.objects.filter(pk=asked.pk)
