"""Reads of the ranking: the leaderboard, from the tally."""

from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from feedback.errors import ApplicationError
from feedback.people.models import RaterKind
from feedback.ranking.models import VoteTally
from feedback.registry.models import ModelVersion, Topic
from trainers.ranking import ModelRating, PairCounts, fit

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

    @property
    def leaders(self) -> int:
        """How many cannot be told from the leader: their interval reaches the leader's."""
        return sum(row.ci_high >= self.rows[0].ci_low for row in self.rows) if self.rows else 0


def leaderboard(*, topic: str = "", rater_kind: str = "") -> Leaderboard:
    """Ratings of all versions that were compared; by topic slug, and by people or AI judges."""
    counts = pair_counts(topic=topic, rater_kind=rater_kind)
    versions = {
        version.label: version
        for version in ModelVersion.objects.filter(label__in=counts.models)
        .select_related("model")
        .prefetch_related("model__topics")
    }
    rows = tuple(_row(rating, versions[rating.model]) for rating in fit(counts))
    return Leaderboard(rows, int(counts.count.sum()))


def pair_counts(*, topic: str = "", rater_kind: str = "") -> PairCounts:
    """Judgments summed up by pair and outcome: its size does not grow with their number."""
    if rater_kind and rater_kind not in RaterKind.values:
        raise ApplicationError(
            "invalid", "No such kind of rater.", fields={"rater_kind": f"{RaterKind.values}"}
        )
    if topic and not Topic.objects.filter(slug=topic).exists():
        raise ApplicationError("invalid", "No such topic.", fields={"topic": "Unknown."})
    tally = VoteTally.objects.filter(topic__slug=topic) if topic else _all_topics()
    if rater_kind:
        tally = tally.filter(rater_kind=rater_kind)
    grouped = tally.values_list("version_low__label", "version_high__label", "outcome").annotate(
        total=Sum("n")
    )
    return PairCounts.from_rows(
        (low, high, CHOICE[outcome], total) for low, high, outcome, total in grouped
    )


def _all_topics() -> QuerySet[VoteTally]:
    return VoteTally.objects.filter(topic=None)


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
