"""Who can answer a prompt now."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from feedback.arena.answers.recorded import recorded_answers
from feedback.registry.health import live_versions
from feedback.registry.models import ModelVersion
from feedback.routing.constraints import choosable

Messages = Sequence[Mapping[str, Any]]


def answerable_versions(messages: Messages) -> list[ModelVersion]:
    """Return live versions, and those that once answered exactly this prompt and replay it."""
    return list(_answerable(messages))


def choosable_versions(messages: Messages) -> list[ModelVersion]:
    """Return those of them that may be chosen for somebody who names none."""
    return list(choosable(_answerable(messages)))


def _answerable(messages: Messages) -> QuerySet[ModelVersion]:
    replaying = recorded_answers(messages).values("version")
    wanted = Q(id__in=live_versions().values("id")) | Q(id__in=replaying)
    return ModelVersion.objects.filter(wanted).select_related("provider").order_by("label")
