"""Reads of the registry for operators: providers and versions, and their health as text."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.registry.errors import reason_text
from feedback.registry.health import PAUSE_AFTER
from feedback.registry.models import LanguageModel, ModelVersion, Provider, VersionState

FLAWS_SHOWN = timedelta(days=7)
ANSWERED = ("finished", "stopped")  # states of a response that hold a version to what it was


def providers_list() -> QuerySet[Provider]:
    """Return all providers, those in use first."""
    return Provider.objects.order_by("state", "name")


def versions_list() -> QuerySet[ModelVersion]:
    """Return all versions that a server stands behind, those in use first."""
    return (
        ModelVersion.objects.served().select_related("model", "provider").order_by("state", "label")
    )


def provider_get(provider_id: uuid.UUID) -> Provider:
    """Return the provider with that key; raises NotFoundError."""
    return get_or_not_found(
        Provider.objects.all(), "unknown_provider", _("There is no such provider."), pk=provider_id
    )


def provider_named(name: str) -> Provider:
    """Return the provider of that name; raises NotFoundError."""
    return get_or_not_found(
        Provider.objects.all(), "unknown_provider", _("There is no such provider."), name=name
    )


def model_named(slug: str) -> LanguageModel:
    """Return the model of that slug; raises NotFoundError."""
    models = LanguageModel.objects.all()
    return get_or_not_found(models, "unknown_model", _("There is no such model."), slug=slug)


def version_get(version_id: uuid.UUID) -> ModelVersion:
    """Return the version with that key, its model and its provider; raises NotFoundError."""
    rows = ModelVersion.objects.select_related("model", "provider")
    return get_or_not_found(rows, "unknown_version", _("There is no such version."), pk=version_id)


def has_answered(version: ModelVersion) -> bool:
    """Say whether something in the pool is an answer of this version."""
    return version.responses.filter(state__in=ANSWERED).exists()


def flawed_count(version: ModelVersion) -> int:
    """Return of how many answers of the last week a try was caught: a loop, garbage, nothing."""
    since = timezone.now() - FLAWS_SHOWN
    return version.responses.exclude(flaw="").filter(created_at__gte=since).count()


def health_of(of: Provider | ModelVersion) -> dict[str, Any]:
    """Return its health for pages and the API: a state, since when, and the last error as text."""
    now = timezone.now()
    resting = of.resting_until is not None and (
        of.failures >= PAUSE_AFTER or of.resting_until > now
    )
    state = "resting" if resting and of.state == VersionState.ACTIVE else str(of.state)
    if state == VersionState.ACTIVE and of.failures:
        state = "failing"
    if state in ("active", "failing") and isinstance(of, ModelVersion) and of.provider:
        its = health_of(of.provider)["state"]
        state = state if its in ("active", "failing") else "waiting"
    return {
        "state": state,
        "words": _state_text(state),
        "failures": of.failures,
        "since": of.failing_since,
        "next_try": _later(of.resting_until, now) if resting else None,
        "last_error": reason_text(of.last_error) if of.last_error else "",
        "last_error_at": of.last_error_at,
    }


def _later(then: datetime | None, now: datetime) -> datetime | None:
    return then if then is not None and then > now else None


def _state_text(state: str) -> str:
    return {
        "active": _("In use"),
        "failing": _("In use, the last call failed"),
        "resting": _("Paused automatically"),
        "waiting": _("Waiting for its provider"),
        "paused": _("Paused"),
        "retired": _("Retired"),
    }[state]
