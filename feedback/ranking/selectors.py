"""Reads of the ranking: the leaderboard, from the tally."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError
from feedback.people.models import RaterKind
from feedback.ranking.models import VoteTally
from feedback.registry.models import ModelVersion, Topic
from trainers.ranking import ModelRating, PairCounts, fit

# Summed up before it is named: a sum over keys is the quicker one.
SUMMED = """
SELECT low.label, high.label, t.outcome, t.n, t.weight, t.square
  FROM (SELECT version_low_id, version_high_id, outcome,
               sum(n)::int AS n, sum(weight) AS weight, sum(square) AS square
          FROM feedback_votetally
         WHERE {TOPIC} AND (%(rater_kind)s = '' OR rater_kind = %(rater_kind)s)
         GROUP BY 1, 2, 3) t
  JOIN feedback_modelversion low ON low.id = t.version_low_id
  JOIN feedback_modelversion high ON high.id = t.version_high_id
"""
CHOICE = {"low": "a", "high": "b", "tie": "tie", "both_bad": "both_bad"}


@dataclass(frozen=True, slots=True)
class Row:
    """A version's place, with what a page says beside it."""

    model: str
    slug: str
    field: str
    rating: float
    ci_low: float
    ci_high: float
    rank_low: int
    rank_high: int
    n: int


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The rows, best first, and how many judgments they rest on."""

    rows: tuple[Row, ...]
    judgments: int


def leaderboard(*, topic: str = "", rater_kind: str = "") -> Leaderboard:
    """Ratings of all versions that were compared; by topic slug, and by people or AI judges."""
    counts = pair_counts(topic=topic, rater_kind=rater_kind)
    return Leaderboard(rows_of(fit(counts)), int(counts.n.sum()))


def rows_of(ratings: Sequence[ModelRating]) -> tuple[Row, ...]:
    """Ratings as rows, in the same order."""
    versions = {
        version.label: version
        for version in ModelVersion.objects.filter(label__in=[each.model for each in ratings])
        .select_related("model")
        .prefetch_related("model__topics")
    }
    return tuple(_row(rating, versions[rating.model]) for rating in ratings)


def pair_counts(*, topic: str = "", rater_kind: str = "") -> PairCounts:
    """Judgments summed up by pair and outcome: its size does not grow with their number."""
    filters_check(topic=topic, rater_kind=rater_kind)
    of_topic = "topic_id = %(topic)s" if topic else "topic_id IS NULL"
    place = Topic.objects.get(slug=topic).id if topic else None
    with connection.cursor() as cursor:
        filters = {"topic": place, "rater_kind": rater_kind}
        cursor.execute(SUMMED.replace("{TOPIC}", of_topic), filters)
        return PairCounts.from_weighted(
            (low, high, CHOICE[outcome], *sums) for low, high, outcome, *sums in cursor
        )


def filters_check(*, topic: str, rater_kind: str) -> None:
    """An error that names the filter that is unknown."""
    if rater_kind and rater_kind not in RaterKind.values:
        raise ApplicationError(
            "invalid", _("No such kind of rater."), fields={"rater_kind": f"{RaterKind.values}"}
        )
    if topic and not Topic.objects.filter(slug=topic).exists():
        raise ApplicationError("invalid", _("No such topic."), fields={"topic": _("Unknown.")})


def ranked_topics() -> QuerySet[Topic]:
    """Topics that have judgments, by name."""
    return Topic.objects.filter(id__in=VoteTally.objects.values("topic")).order_by("name")


def _row(rating: ModelRating, version: ModelVersion) -> Row:
    topics = list(version.model.topics.all())
    return Row(
        model=rating.model,
        slug=version.model.slug,
        field=topics[0].name if topics else "",
        rating=rating.rating,
        ci_low=rating.ci_low,
        ci_high=rating.ci_high,
        rank_low=rating.rank_low,
        rank_high=rating.rank_high,
        n=rating.n,
    )
