"""What is known about one model: its ratings by topic, and its record against each other model."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from feedback.errors import NotFoundError
from feedback.people.models import AuditEvent
from feedback.ranking.models import VoteTally
from feedback.ranking.selectors import Row, leaderboard, ranked_topics
from feedback.registry.models import LanguageModel, ModelVersion, Topic, VersionState
from feedback.training.models import Checkpoint
from trainers.statistics.intervals import wilson

QUIET_BELOW = 30  # judgments: a share of fewer says little


@dataclass(frozen=True, slots=True)
class Meeting:
    """How a model did against another: ties and both-bad are half a win each."""

    opponent: ModelVersion
    wins: float
    n: int

    @property
    def share(self) -> float:
        """The share of wins, in [0, 1]."""
        return self.wins / self.n

    @property
    def is_quiet(self) -> bool:
        """Whether there are too few judgments to say much."""
        return self.n < QUIET_BELOW

    @property
    def tint(self) -> str:
        """`ahead`, `behind`, or `level` where the 95 % interval of the share holds one half."""
        low, high = wilson(self.share, self.n)
        return "ahead" if low > 0.5 else "behind" if high < 0.5 else "level"


@dataclass(frozen=True, slots=True)
class RatedModel:
    """A model, its newest version, and that one's place on the leaderboard if it was compared."""

    model: LanguageModel
    version: ModelVersion
    row: Row | None

    @property
    def half(self) -> int:
        """Half the width of the rating's interval, in points."""
        return round((self.row.ci_high - self.row.ci_low) / 2) if self.row else 0

    @property
    def judgments(self) -> int:
        """How many judgments its rating rests on."""
        return self.row.n if self.row else 0


def models_list(*, topic: str = "", named: str = "") -> QuerySet[LanguageModel]:
    """Models by name: all of them, or those of a speciality, or with this in their name."""
    models = LanguageModel.objects.prefetch_related("topics", "versions")
    models = models.order_by(Lower("name"))
    if topic:
        models = models.filter(topics__slug=topic)
    return models.filter(name__icontains=named) if named else models


def rated_models(models: Iterable[LanguageModel], *, by_rating: bool = False) -> list[RatedModel]:
    """The models with the rating of their newest version; in their order, or the best first."""
    rows = {row.model: row for row in leaderboard().rows}
    newest = [(model, max(model.versions.all(), key=_age)) for model in models]
    rated = [RatedModel(model, version, rows.get(version.label)) for model, version in newest]
    if by_rating:
        rated.sort(key=lambda one: -one.row.rating if one.row else math.inf)
    return rated


def specialities() -> QuerySet[Topic]:
    """Topics that some model is made for, by name."""
    return Topic.objects.filter(models__isnull=False).distinct().order_by("name")


def model_get(slug: str) -> LanguageModel:
    """One model by its slug."""
    model = LanguageModel.objects.filter(slug=slug).prefetch_related("topics", "versions").first()
    if model is None:
        raise NotFoundError("not_found", _("There is no such model."))
    return model


def newest_version(model: LanguageModel) -> ModelVersion:
    """The version that came last; versions are never edited."""
    return model.versions.select_related("provider", "base").latest("created_at")


def _age(version: ModelVersion) -> datetime:
    return version.created_at


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
    """The version's record against each other, the best rated first."""
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
    rank = {row.model: place for place, row in enumerate(leaderboard().rows)}
    return sorted(met, key=lambda meeting: rank.get(meeting.opponent.label, len(rank)))


def lineage(version: ModelVersion) -> Checkpoint | None:
    """The checkpoint that the version is, with its run, where it was trained here."""
    return Checkpoint.objects.filter(model_version=version).select_related("run").first()


def retired_on(version: ModelVersion) -> datetime | None:
    """When it was retired, if it is."""
    if version.state != VersionState.RETIRED:
        return None
    events = AuditEvent.objects.filter(action="version.retired", subject=version.label)
    return events.values_list("created_at", flat=True).order_by("-created_at").first()
