"""Reads of the ranking: the leaderboard, from the vote counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from feedback.errors import refuse_problems
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A version's rating and ranks, with what a page says beside it."""

    model: str
    slug: str
    field: str
    rating: float
    ci_low: float
    ci_high: float
    rank_low: int
    rank_high: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFilters:
    """Which judgments a board rates; None and empty for all."""

    topic_id: UUID | None
    rater_kind: str

    def statement(self, template: str) -> tuple[str, dict[str, Any]]:
        """Return a statement with its {TOPIC} filled in, and its parameters.

        Two conditions, not `IS NOT DISTINCT FROM`: that one would not use the index.
        """
        of_topic = "topic_id IS NULL" if self.topic_id is None else "topic_id = %(topic)s"
        parameters = {"topic": self.topic_id, "rater_kind": self.rater_kind}
        return template.replace("{TOPIC}", of_topic), parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """The rows, best first, and how many judgments they rest on."""

    rows: tuple[Row, ...]
    judgments: int


def leaderboard(*, topic: str = "", rater_kind: str = "") -> Leaderboard:
    """Return the ratings of all versions that were compared; of a topic, of a kind of rater."""
    counts = pair_counts(topic=topic, rater_kind=rater_kind)
    return Leaderboard(rows=rows_of(fit(counts)), judgments=int(counts.n.sum()))


def rows_of(ratings: Sequence[ModelRating]) -> tuple[Row, ...]:
    """Return ratings as rows, in the same order."""
    versions = {
        version.label: version
        for version in ModelVersion.objects.filter(label__in=[each.model for each in ratings])
        .select_related("model")
        .prefetch_related("model__topics")
    }
    return tuple(_row(rating, versions[rating.model]) for rating in ratings)


def pair_counts(*, topic: str = "", rater_kind: str = "") -> PairCounts:
    """Return the judgments summed up by pair and outcome: the size does not grow with them."""
    filters = board_filters(topic=topic, rater_kind=rater_kind)
    with connection.cursor() as cursor:
        cursor.execute(*filters.statement(SUMMED))
        return PairCounts.from_weighted(
            (low, high, CHOICE[outcome], *sums) for low, high, outcome, *sums in cursor
        )


def board_filters(*, topic: str, rater_kind: str) -> BoardFilters:
    """Return the filters of a board; raise an InvalidError that names those that are unknown.

    topic: a slug. Either is empty for all.
    """
    known_kind = not rater_kind or rater_kind in RaterKind.values
    topic_id = Topic.objects.filter(slug=topic).values_list("id", flat=True).first()
    refuse_problems(
        {
            "rater_kind": "" if known_kind else _("No such kind of rater."),
            "topic": _("No such topic.") if topic and topic_id is None else "",
        }
    )
    return BoardFilters(topic_id=topic_id, rater_kind=rater_kind)


def ranked_topics() -> QuerySet[Topic]:
    """Return the topics that have judgments, by name."""
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
