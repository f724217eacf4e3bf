"""Reads of the registry for operators: providers and versions with their health, in words."""

import uuid
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.errors import NotFoundError
from feedback.registry.errors import reason_words
from feedback.registry.health import LIVE_KINDS, PAUSE_AFTER
from feedback.registry.models import LanguageModel, ModelVersion, Provider, VersionState

ANSWERED = ("finished", "stopped")  # states of a response that hold a version to what it was


def providers_list() -> QuerySet[Provider]:
    """All providers, those in use first."""
    return Provider.objects.order_by("state", "name")


def versions_list() -> QuerySet[ModelVersion]:
    """All versions that a server stands behind, those in use first."""
    served = ModelVersion.objects.filter(provider__kind__in=LIVE_KINDS)
    return served.select_related("model", "provider").order_by("state", "label")


def provider_get(provider_id: uuid.UUID) -> Provider:
    """The provider with that key."""
    found = Provider.objects.filter(pk=provider_id).first()
    if found is None:
        raise NotFoundError("unknown_provider", _("There is no such provider."))
    return found


def provider_named(name: str) -> Provider:
    """The provider of that name."""
    found = Provider.objects.filter(name=name).first()
    if found is None:
        raise NotFoundError("unknown_provider", _("There is no such provider."))
    return found


def model_named(slug: str) -> LanguageModel:
    """The model of that slug."""
    found = LanguageModel.objects.filter(slug=slug).first()
    if found is None:
        raise NotFoundError("unknown_model", _("There is no such model."))
    return found


def version_get(version_id: uuid.UUID) -> ModelVersion:
    """The version with that key, its model and its provider."""
    rows = ModelVersion.objects.select_related("model", "provider")
    found = rows.filter(pk=version_id).first()
    if found is None:
        raise NotFoundError("unknown_version", _("There is no such version."))
    return found


def has_answered(version: ModelVersion) -> bool:
    """Whether something in the pool is an answer of this version."""
    return version.responses.filter(state__in=ANSWERED).exists()


def condition(of: Provider | ModelVersion) -> dict[str, Any]:
    """How it is, for pages and the API: one word of state, since when, and the last error."""
    now = timezone.now()
    resting = of.resting_until is not None and (
        of.failures >= PAUSE_AFTER or of.resting_until > now
    )
    state = "resting" if resting and of.state == VersionState.ACTIVE else str(of.state)
    if state == VersionState.ACTIVE and of.failures:
        state = "failing"
    if state in ("active", "failing") and isinstance(of, ModelVersion) and of.provider:
        its = condition(of.provider)["state"]
        state = state if its in ("active", "failing") else "waiting"
    return {
        "state": state,
        "words": _words(state),
        "failures": of.failures,
        "since": of.failing_since,
        "next_try": _later(of.resting_until, now) if resting else None,
        "last_error": reason_words(of.last_error) if of.last_error else "",
        "last_error_at": of.last_error_at,
    }


def _later(then: datetime | None, now: datetime) -> datetime | None:
    return then if then is not None and then > now else None


def _words(state: str) -> str:
    return {
        "active": _("In use"),
        "failing": _("In use, the last call failed"),
        "resting": _("Paused automatically"),
        "waiting": _("Waiting for its provider"),
        "paused": _("Paused"),
        "retired": _("Retired"),
    }[state]
