"""What the Quality pages show; none of it grows with the number of judgments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign
from feedback.errors import NotFoundError
from feedback.people.models import Rater, TrustTier
from feedback.pool.choices import shown_choice
from feedback.pool.models import Preference
from feedback.quality.human_ai import SHARE
from feedback.quality.known_answers import GoldResult, gold_results
from feedback.quality.models import (
    CampaignAgreement,
    QualitySignal,
    RaterReliability,
    RaterStanding,
    SignalKind,
    StandingState,
)

SHOWN_RATERS, DAYS = 50, 30


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """A row of the agreement table, and who judged in words."""

    row: CampaignAgreement
    words: str

    @property
    def marks(self) -> dict[str, str]:
        """Where the interval and its dot lie on an axis from 0 to 1."""
        values = {"low": self.row.low, "dot": self.row.alpha, "high": self.row.high}
        return {name: f"{100 * min(max(v or 0, 0), 1):.1f}%" for name, v in values.items()}


@dataclass(frozen=True, slots=True)
class RaterLine:
    """A rater by concern: what is known, and the kinds of concern in words."""

    rater: Rater
    reliability: RaterReliability | None
    standing: RaterStanding | None
    concerns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignalDetail:
    """A signal and the judgments that it rests on."""

    signal: QualitySignal
    evidence: list[tuple[Preference, str]]


def agreement_lines(campaign: Campaign | None) -> list[AgreementLine]:
    """Alpha by aspect and cohort; the choice and everybody first."""
    rows = CampaignAgreement.objects.filter(campaign=campaign).exclude(level=SHARE)
    lines = [AgreementLine(row, _words(row)) for row in rows.order_by("aspect", "cohort")]
    return sorted(lines, key=lambda line: (line.row.aspect, line.row.cohort != "all"))


def human_ai(campaign: Campaign | None) -> CampaignAgreement | None:
    """How often a person and an AI judge choose the same side."""
    return CampaignAgreement.objects.filter(campaign=campaign, level=SHARE).first()


def agreement_of_all(lines: Sequence[AgreementLine]) -> CampaignAgreement | None:
    """The line of everybody about the choice, if it has a number."""
    first = lines[0].row if lines else None
    known = first and first.cohort == "all" and not first.aspect and first.alpha is not None
    return first if known else None


def raters_by_concern() -> list[RaterLine]:
    """Those with a concern or set aside first, then those who agree least."""
    rows = Rater.objects.annotate(
        concerns=Count("signals", filter=Q(signals__concern=True)),
        aside=Count("standing", filter=Q(standing__state=StandingState.QUARANTINED)),
    ).filter(Q(concerns__gt=0) | Q(aside__gt=0))
    flagged = list(
        rows.order_by("-aside", "-concerns", "id").values_list("id", flat=True)[:SHOWN_RATERS]
    )
    least = RaterReliability.objects.filter(compared__gt=0).exclude(rater__in=flagged)
    ids = flagged + list(
        least.order_by("skill", "-compared").values_list("rater", flat=True)[
            : SHOWN_RATERS - len(flagged)
        ]
    )
    raters = Rater.objects.select_related("contributor", "standing").in_bulk(ids)
    known = {row.rater_id: row for row in RaterReliability.objects.filter(rater__in=ids)}
    concerns: dict[Any, list[str]] = {}
    signals = QualitySignal.objects.filter(rater__in=ids, concern=True).order_by("kind")
    for rater, kind in signals.values_list("rater", "kind"):
        concerns.setdefault(rater, []).append(str(SignalKind(kind).label))
    return [
        RaterLine(
            raters[key],
            known.get(key),
            getattr(raters[key], "standing", None),
            tuple(concerns.get(key, ())),
        )
        for key in ids
    ]


def rater_find(public_id: str) -> Rater:
    """The rater of this identifier."""
    found = Rater.objects.select_related("contributor", "standing").filter(public_id=public_id)
    rater = found.first()
    if rater is None:
        raise NotFoundError("not_found", _("There is no such rater."))
    return rater


def signal_details(rater: Rater) -> list[SignalDetail]:
    """Every signal of a rater, concerns first, with its evidence."""
    signals = list(QualitySignal.objects.filter(rater=rater).order_by("-concern", "kind"))
    keys = [key for signal in signals for key in signal.evidence]
    found = Preference.objects.select_related("comparison__turn").in_bulk(keys)
    return [
        SignalDetail(
            signal,
            [
                (found[key], shown_choice(found[key].choice, found[key].order_shown))
                for key in signal.evidence
                if key in found
            ],
        )
        for signal in signals
    ]


def concerns_by_day() -> list[tuple[date, int, str]]:
    """New concerns of the last days: the day, how many, the length of its bar in percent."""
    since = timezone.now() - timedelta(days=DAYS)
    rows = (
        QualitySignal.objects.filter(concern=True, since__gte=since)
        .annotate(day=TruncDate("since"))
        .values("day")
        .annotate(total=Count("id"))
        .order_by("-day")
    )
    most = max((row["total"] for row in rows), default=1)
    return [(row["day"], row["total"], f"{100 * row['total'] / most:.1f}%") for row in rows]


def set_aside() -> QuerySet[RaterStanding]:
    """The raters whose judgments do not count now."""
    return RaterStanding.objects.filter(state=StandingState.QUARANTINED)


def gold_lines(campaign: Campaign | None) -> list[tuple[Rater, GoldResult]]:
    """Known answers by rater, those who missed most first."""
    results = sorted(
        gold_results(campaign.id if campaign else None), key=lambda one: (one.high, -one.n)
    )[:SHOWN_RATERS]
    raters = {
        str(key): rater for key, rater in Rater.objects.in_bulk([r.rater for r in results]).items()
    }
    return [(raters[result.rater], result) for result in results]


def _words(row: CampaignAgreement) -> str:
    """A cohort in words."""
    kind, _colon, rest = row.cohort.partition(":")
    if kind == "tier":
        return str(TrustTier(int(rest)).label)
    names = {"all": _("Everybody"), "human": _("People"), "ai": _("AI judges")}
    return rest if kind == "expertise" else str(names.get(kind, kind))
