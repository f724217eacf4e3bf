"""What the Quality page shows of agreement."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign
from feedback.people.models import TrustTier
from feedback.quality.agreement.cohorts import EVERYBODY
from feedback.quality.agreement.services import SHARE
from feedback.quality.models import CampaignAgreement


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementLine:
    """A row of the agreement table, and who judged in words."""

    row: CampaignAgreement
    words: str

    @property
    def marks(self) -> dict[str, str]:
        """Return where the interval and its dot lie on an axis from 0 to 1."""
        values = {"low": self.row.low, "dot": self.row.alpha, "high": self.row.high}
        return {name: f"{100 * min(max(v or 0, 0), 1):.1f}%" for name, v in values.items()}


def agreement_lines(campaign: Campaign | None) -> list[AgreementLine]:
    """Return alpha by aspect and cohort; the choice and everybody first."""
    rows = CampaignAgreement.objects.filter(campaign=campaign).exclude(level=SHARE)
    lines = [
        AgreementLine(row=row, words=_cohort_label(row.cohort))
        for row in rows.order_by("aspect", "cohort")
    ]
    return sorted(lines, key=lambda line: (line.row.aspect, line.row.cohort != EVERYBODY))


def agreement_of_all(lines: Sequence[AgreementLine]) -> CampaignAgreement | None:
    """Return the row of everybody about the choice, if it has a number."""
    first = lines[0].row if lines else None
    known = first and first.cohort == EVERYBODY and not first.aspect and first.alpha is not None
    return first if known else None


def human_ai(campaign: Campaign | None) -> CampaignAgreement | None:
    """Return how often a person and an AI judge choose the same side, if that is known."""
    return CampaignAgreement.objects.filter(campaign=campaign, level=SHARE).first()


def _cohort_label(cohort: str) -> str:
    kind, _colon, rest = cohort.partition(":")
    if kind == "tier":
        return str(TrustTier(int(rest)).label)
    labels = {EVERYBODY: _("Everybody"), "human": _("People"), "ai": _("AI judges")}
    return rest if kind == "expertise" else str(labels.get(kind, kind))
