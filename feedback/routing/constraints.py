"""Limits on the models before any score counts: topics, languages, price, latency.

A constraint is kept or the request is refused: nothing is loosened in silence. What is not known
does not count as kept: a model whose price nobody has entered is not cheap, and one whose answers
were never timed is not quick.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from feedback.registry.health import well_versions
from feedback.registry.models import LanguageModel, ModelVersion
from feedback.registry.topics import language_slugs, topics_check, topics_related
from feedback.routing.latency import latencies_ms
from feedback.training.promotion.verdict_text import FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Only models that meet all of these are candidates.

    topics, languages  a speciality of the model is one of them, lies inside one, or holds one
    max_price          neither a million tokens read nor a million written costs more
    max_latency_ms     the median of the model's newest answers took no longer
    """

    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    max_price: float | None = None
    max_latency_ms: float | None = None

    def asked(self) -> dict[str, Any]:
        """Return the limits that were set, for the log."""
        return {name: value for name, value in asdict(self).items() if value not in ((), None)}


ANY = Constraints()
_FAILED_GATE = Q(checkpoint__verdict__code__in=[code.value for code in FAILED])


def choosable(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Keep those that may be chosen for somebody: none that its gate found to be no good.

    Somebody may have promoted it by hand; it can still be asked by its name.
    """
    return versions.exclude(_FAILED_GATE)


def versions_able(candidates: Sequence[ModelVersion], wanted: Constraints) -> list[ModelVersion]:
    """Return the candidates that may be chosen now and meet the constraints, in their order.

    Raises InvalidError for a topic that there is not.
    """
    able = choosable(well_versions())
    if wanted.topics:
        topics_check(wanted.topics)
        able = _with_topics(able, wanted.topics)
    if wanted.languages:
        slugs = set().union(*(language_slugs(code) for code in wanted.languages))
        able = _with_topics(able, sorted(slugs))
    if wanted.max_price is not None:
        ceiling = wanted.max_price
        able = able.filter(Q(input_price__lte=ceiling) & Q(output_price__lte=ceiling))
    kept = set(able.values_list("pk", flat=True))
    if wanted.max_latency_ms is not None:
        known = latencies_ms()
        kept = {pk for pk in kept if known.get(str(pk), float("inf")) <= wanted.max_latency_ms}
    return [version for version in candidates if version.pk in kept]


def _with_topics(versions: QuerySet[ModelVersion], slugs: Sequence[str]) -> QuerySet[ModelVersion]:
    links = LanguageModel.topics.through.objects.filter(
        languagemodel=OuterRef("model"), topic__in=topics_related(slugs)
    )
    return versions.filter(Exists(links))
