"""Who can answer a prompt now."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from feedback.arena.recorded import recorded_answers
from feedback.registry.models import ModelVersion, VersionState
from feedback.registry.providers import LIVE_KINDS


def live_versions() -> QuerySet[ModelVersion]:
    """Versions that answer anything, from a server."""
    return ModelVersion.objects.filter(state=VersionState.ACTIVE, provider__kind__in=LIVE_KINDS)


def answerable_versions(messages: Sequence[Mapping[str, Any]]) -> list[ModelVersion]:
    """Live versions, and those that once answered exactly this prompt and replay it."""
    replaying = recorded_answers(messages).values("version")
    wanted = Q(id__in=live_versions().values("id")) | Q(id__in=replaying)
    return list(ModelVersion.objects.filter(wanted).select_related("provider").order_by("label"))
