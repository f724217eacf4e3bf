"""Read the models: the list, one model, its ratings by topic, its record against the others."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.people.models import AuditEvent
from feedback.ranking.models import VoteTally
from feedback.ranking.selectors import Row, leaderboard, ranked_topics
from feedback.registry.models import LanguageModel, ModelVersion, Topic, VersionState
from feedback.training.models import Checkpoint
from trainers.statistics.intervals import wilson

QUIET_BELOW = 30  # judgments: a share of fewer says little


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadToHead:
    """A model's record against another: ties and both-bad are half a win each."""

    opponent: ModelVersion
    wins: float
    n: int

    @property
    def share(self) -> float:
        """Return the share of wins, in [0, 1]."""
        return self.wins / self.n

    @property
    def is_quiet(self) -> bool:
        """Say whether there are too few judgments to say much."""
        return self.n < QUIET_BELOW

    @property
    def tint(self) -> str:
        """Return `ahead`, `behind`, or `level` where the 95 % interval holds one half."""
        low, high = wilson(self.share, self.n)
        return "ahead" if low > 0.5 else "behind" if high < 0.5 else "level"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedModel:
    """A model, its newest version, and that one's row of the leaderboard if it was compared."""

    model: LanguageModel
    version: ModelVersion
    row: Row | None

    @property
    def half(self) -> int:
        """Return half the width of the rating's interval, in points."""
        return round((self.row.ci_high - self.row.ci_low) / 2) if self.row else 0

    @property
    def judgments(self) -> int:
        """Return how many judgments its rating rests on."""
        return self.row.n if self.row else 0

    @property
    def topic_slugs(self) -> list[str]:
        """Return its specialities."""
        return [topic.slug for topic in self.model.topics.all()]

    @property
    def lineage(self) -> Checkpoint | None:
        """Return the checkpoint that the version is, where it was trained here."""
        return lineage(self.version)


def models_list(*, topic: str = "", named: str = "") -> QuerySet[LanguageModel]:
    """Return models by name: all of them, those of a speciality, or with this in their name."""
    models = _models().order_by(Lower("name"))
    if topic:
        models = models.filter(topics__slug=topic)
    return models.filter(name__icontains=named) if named else models


def rated_models(models: Iterable[LanguageModel], *, by_rating: bool = False) -> list[RatedModel]:
    """Return the models with the rating of their newest version; in their order, or best first."""
    rows = {row.model: row for row in leaderboard().rows}
    newest = [(model, newest_version(model)) for model in models]
    rated = [
        RatedModel(model=model, version=version, row=rows.get(version.label))
        for model, version in newest
    ]
    if by_rating:
        rated.sort(key=lambda one: -one.row.rating if one.row else math.inf)
    return rated


def specialities() -> QuerySet[Topic]:
    """Return the topics that some model is made for, by name."""
    return Topic.objects.filter(models__isnull=False).distinct().order_by("name")


def model_get(slug: str) -> LanguageModel:
    """Return one model by its slug, with its versions; raise NotFoundError where there is none."""
    return get_or_not_found(_models(), "not_found", _("There is no such model."), slug=slug)


def newest_version(model: LanguageModel) -> ModelVersion:
    """Return the version that came last, of those that were loaded with the model."""
    return max(model.versions.all(), key=_age)


def ratings_by_topic(version: ModelVersion) -> list[tuple[str, Row]]:
    """Return the version's row of the whole leaderboard and of each topic's: (topic name, row)."""
    compared = VoteTally.objects.filter(Q(version_low=version) | Q(version_high=version))
    # A board is fitted for the topics of this version alone: the others cannot have a row of it.
    topics = ranked_topics().filter(id__in=compared.values("topic"))
    boards = [("", ""), *((topic.slug, topic.name) for topic in topics)]
    found = []
    for slug, name in boards:
        rows = (row for row in leaderboard(topic=slug).rows if row.model == version.label)
        found += [(name, row) for row in rows]
    return found


def head_to_head(version: ModelVersion) -> list[HeadToHead]:
    """Return the version's record against each other, the best rated first."""
    tallies = (
        VoteTally.objects.filter(Q(version_low=version) | Q(version_high=version), topic=None)
        .values("version_low", "version_high", "outcome")
        .annotate(total=Sum("n"))
    )
    wins: dict[object, float] = {}
    counts: dict[object, int] = {}
    for tally in tallies:
        is_low = tally["version_low"] == version.id
        opponent = tally["version_high"] if is_low else tally["version_low"]
        won = {"low": float(is_low), "high": float(not is_low)}.get(tally["outcome"], 0.5)
        wins[opponent] = wins.get(opponent, 0.0) + won * tally["total"]
        counts[opponent] = counts.get(opponent, 0) + int(tally["total"])
    opponents = ModelVersion.objects.select_related("model").in_bulk(list(counts))
    met = [
        HeadToHead(opponent=opponents[key], wins=wins[key], n=n)
        for key, n in counts.items()
        if n > 0  # where all were withdrawn the sums are zero
    ]
    rank = {row.model: rank for rank, row in enumerate(leaderboard().rows)}
    return sorted(met, key=lambda one: rank.get(one.opponent.label, len(rank)))


def lineage(version: ModelVersion) -> Checkpoint | None:
    """Return the checkpoint that the version is, where it was trained here."""
    return getattr(version, "checkpoint", None)


def retired_on(version: ModelVersion) -> datetime | None:
    """Return when it was retired, if it is."""
    if version.state != VersionState.RETIRED:
        return None
    events = AuditEvent.objects.filter(action="version.retired", subject=version.label)
    return events.values_list("created_at", flat=True).order_by("-created_at").first()


def _models() -> QuerySet[LanguageModel]:
    """Return models with all that pages and REST say of them, in three queries for any number."""
    versions = ModelVersion.objects.select_related("base__model", "checkpoint__run")
    return LanguageModel.objects.prefetch_related("topics", Prefetch("versions", versions))


def _age(version: ModelVersion) -> datetime:
    return version.created_at
