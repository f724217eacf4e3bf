"""Who can answer a prompt now."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from feedback.arena.answers.recorded import recorded_answers
from feedback.registry.health import live_versions
from feedback.registry.models import ModelVersion


def answerable_versions(messages: Sequence[Mapping[str, Any]]) -> list[ModelVersion]:
    """Return live versions, and those that once answered exactly this prompt and replay it."""
    replaying = recorded_answers(messages).values("version")
    wanted = Q(id__in=live_versions().values("id")) | Q(id__in=replaying)
    return list(ModelVersion.objects.filter(wanted).select_related("provider").order_by("label"))
