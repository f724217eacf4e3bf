"""Remove the starter pool again, but nothing that other rows refer to."""

from collections import Counter
from typing import Any

from django.db import connection, models, transaction
from django.db.models import PROTECT, Q, QuerySet

from feedback.campaigns.models import Assignment, Campaign, CampaignState, Task
from feedback.hybrid.models import AIJudge
from feedback.operations.starter import CAMPAIGN, SOURCE
from feedback.people.models import Rater
from feedback.people.services import audit_record
from feedback.pool.lifecycle import judgments_withdraw
from feedback.pool.models import (
    Comparison,
    ComparisonOrigin,
    Conversation,
    Outcome,
    Preference,
    Response,
    Turn,
)
from feedback.registry.models import LanguageModel, ModelVersion, Topic

KEPT_BECAUSE = "people or other data build on it"


def starter_remove() -> dict[str, Any]:
    """Remove what came with the starter pool and nothing else uses; return what went and stayed."""
    removal = Removal()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL feedback.erasing = 'on'")
        names = _names()
        _judgments(removal)
        _campaign(removal)
        _texts(removal)
        _registry(removal, names)
        detail = {"removed": dict(removal.removed), "kept": dict(removal.kept)}
        audit_record(actor=None, action="starter.remove", subject=SOURCE, detail=detail)
    return detail | {"why": KEPT_BECAUSE if removal.kept else ""}


class Removal:
    """Removes rows that nothing protects, and counts them."""

    def __init__(self) -> None:
        self.removed: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()

    def remove(self, table: str, rows: QuerySet[Any]) -> None:
        """Remove the rows that no other row refers to."""
        total = rows.count()
        _, counts = _unreferenced(rows).delete()
        removed = counts.get(rows.model._meta.label, 0)
        self._count(table, removed, total - removed)

    def _count(self, table: str, removed: int, kept: int) -> None:
        if removed:
            self.removed[table] += removed
        if kept:
            self.kept[table] += kept


def _unreferenced(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows that no foreign key points to which would forbid their removal."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ForeignObjectRel) and relation.on_delete is PROTECT:
            column = relation.field.attname
            users = relation.related_model._base_manager.filter(**{f"{column}__isnull": False})
            rows = rows.exclude(pk__in=users.values(column))
    return rows


def _names() -> tuple[set[Any], set[Any]]:
    """Return the models and topics that the starter pool brought or shares, before its rows go."""
    answered = Q(versions__responses__source=SOURCE) | Q(versions__outcomes__source=SOURCE)
    language_models = LanguageModel.objects.filter(answered)
    topics = Topic.objects.filter(
        Q(turns__conversation__source=SOURCE) | Q(models__in=language_models)
    )
    return set(language_models.values_list("id", flat=True)), set(
        topics.values_list("id", flat=True)
    )


def _judgments(removal: Removal) -> None:
    """Remove the editors' judgments: withdrawn first, so that they leave the vote counts, too.

    Who works on the starter campaign meanwhile may have to repeat a click: what comes after is
    locked while the sequence of publication is.
    """
    judgments = Preference.objects.filter(rater__source=SOURCE, rater__contributor=None)
    judgments_withdraw(judgments)
    removal.remove("preferences", judgments)
    AIJudge.objects.filter(rater__source=SOURCE).delete()
    removal.remove("raters", Rater.objects.filter(source=SOURCE, contributor=None))


def _campaign(removal: Removal) -> None:
    """Remove the campaign; one in which people judged stays, closed, with the tasks they did."""
    campaign = Campaign.objects.filter(slug=CAMPAIGN, source=SOURCE)
    removal.remove("assignments", Assignment.objects.filter(task__campaign__in=campaign))
    removal.remove("tasks", Task.objects.filter(campaign__in=campaign))
    if Task.objects.filter(campaign__in=campaign).exists():
        campaign.update(state=CampaignState.CLOSED)
        removal.kept["campaigns"] += 1
    else:
        removal.remove("campaigns", campaign)


def _texts(removal: Removal) -> None:
    only_here = ComparisonOrigin.objects.filter(source=SOURCE).exclude(
        comparison__in=ComparisonOrigin.objects.exclude(source=SOURCE).values("comparison")
    )
    removal.remove("comparisons", Comparison.objects.filter(id__in=only_here.values("comparison")))
    removal.remove("responses", Response.objects.filter(source=SOURCE))
    removal.remove("outcomes", Outcome.objects.filter(source=SOURCE))
    removal.remove("prompts", Turn.objects.filter(conversation__source=SOURCE))
    removal.remove("conversations", Conversation.objects.filter(source=SOURCE))


def _registry(removal: Removal, names: tuple[set[Any], set[Any]]) -> None:
    language_models, topics = names
    versions = ModelVersion.objects.filter(model__in=language_models)
    removal.remove("versions", versions)
    removal.remove("models", LanguageModel.objects.filter(id__in=language_models))
    unused = Topic.objects.filter(id__in=topics, turns=None, models=None)
    removal.remove("topics", unused)
