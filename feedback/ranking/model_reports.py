"""What is known about one model: its ratings by topic, and its record against each other model."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum

from feedback.errors import NotFoundError
from feedback.ranking.models import VoteTally
from feedback.ranking.selectors import Row, leaderboard, ranked_topics
from feedback.registry.models import LanguageModel, ModelVersion


@dataclass(frozen=True, slots=True)
class Meeting:
    """How a model did against another: ties and both-bad are half a win each."""

    opponent: ModelVersion
    wins: float
    n: int

    @property
    def percent(self) -> int:
        """The share of wins, in percent."""
        return round(100 * self.wins / self.n)


def models_list() -> QuerySet[LanguageModel]:
    """All models by name, with the number of their recorded answers."""
    return (
        LanguageModel.objects.annotate(answers=Count("versions__responses"))
        .prefetch_related("topics", "versions")
        .order_by("name")
    )


def model_get(slug: str) -> LanguageModel:
    """One model by its slug."""
    model = LanguageModel.objects.filter(slug=slug).prefetch_related("topics", "versions").first()
    if model is None:
        raise NotFoundError("not_found", "There is no such model.")
    return model


def newest_version(model: LanguageModel) -> ModelVersion:
    """The version that came last; versions are never edited."""
    return model.versions.select_related("provider", "base").latest("created_at")


def ratings_by_topic(version: ModelVersion) -> list[tuple[str, Row]]:
    """The version's row of the whole leaderboard and of each topic's, as (topic name, row)."""
    met = VoteTally.objects.filter(Q(version_low=version) | Q(version_high=version))
    topics = ranked_topics().filter(id__in=met.values("topic"))  # no board of others is fitted
    boards = [("", ""), *((topic.slug, topic.name) for topic in topics)]
    found = []
    for slug, name in boards:
        rows = (row for row in leaderboard(topic=slug).rows if row.model == version.label)
        found += [(name, row) for row in rows]
    return found


def meetings(version: ModelVersion) -> list[Meeting]:
    """The version's record against each other, most judged first."""
    tallies = (
        VoteTally.objects.filter(Q(version_low=version) | Q(version_high=version), topic=None)
        .values("version_low", "version_high", "outcome")
        .annotate(total=Sum("n"))
    )
    records: dict[object, list[float]] = {}
    for tally in tallies:
        is_low = tally["version_low"] == version.id
        opponent = tally["version_high"] if is_low else tally["version_low"]
        won = {"low": float(is_low), "high": float(not is_low)}.get(tally["outcome"], 0.5)
        record = records.setdefault(opponent, [0.0, 0])
        record[0] += won * tally["total"]
        record[1] += tally["total"]
    opponents = ModelVersion.objects.select_related("model").in_bulk(list(records))
    met = [Meeting(opponents[key], wins, int(n)) for key, (wins, n) in records.items() if n > 0]
    return sorted(met, key=lambda meeting: -meeting.n)
