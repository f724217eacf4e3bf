"""Put raters into quarantine where the checks and their reliability say so, and let them out.

A rater's reliability is their skill beside an average rater's (`trainers.statistics.reliability`),
halved for each concern that skill does not measure. Below QUARANTINE, and with a concern to show
for it, their judgments go into quarantine: nothing is deleted, the person is told why, and a
curator may lift it. The rules act on contributors alone; raters of an import and AI judges keep the
weight of one, and are shown. Where a curator has decided, the rules do not.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from feedback.errors import refuse_problems
from feedback.people.models import Contributor, Rater, TrustTier
from feedback.people.services import audit_record, tier_set
from feedback.pool.lifecycle import judgments_quarantine, judgments_reinstate
from feedback.pool.models import Preference
from feedback.quality.checks import CHECKS
from feedback.quality.judgments import Judgments
from feedback.quality.models import QualitySignal, RaterReliability, RaterStanding, StandingState
from feedback.quality.raters.findings import findings_write
from feedback.quality.raters.weights import rater_weigh

QUARANTINE: Final = 0.2
TRUSTED_JUDGMENTS, TRUSTED_SKILL = 50, 0.9
REASON_LIMIT = 500
RULE_REASON = gettext_noop("The answers differ from those of others by more than chance")


def quarantine_refresh(judgments: Judgments) -> int:
    """Check every rater anew; return how many went into quarantine by it.

    judgments: all of them, and the reliability of their raters is written already.
    """
    findings_write(judgments)
    concerns = _concerns()
    known = {row.rater_id: row for row in RaterReliability.objects.all()}
    people = Rater.objects.filter(contributor__isnull=False, id__in=known.keys() | concerns.keys())
    return sum(
        _apply_rules(rater, known.get(rater.id), concerns.get(rater.id, []))
        for rater in people.select_related("contributor", "standing")
    )


def without_quarantined(judgments: Judgments) -> Judgments:
    """Return the judgments as they stand after a refresh: who is in quarantine does not count."""
    quarantined = set(map(str, RaterStanding.objects.quarantined().values_list("rater", flat=True)))
    out = np.array([key in quarantined for key in judgments.raters.ids], dtype=bool)
    return replace(judgments, active=judgments.active & ~out[judgments.rater])


def quarantine_set(
    *, rater: Rater, state: StandingState, reason: str, actor: Contributor | None
) -> RaterStanding:
    """Put a rater's judgments into quarantine, or count them again; with an actor it stays so."""
    reason = reason.strip()
    said = 0 < len(reason) <= REASON_LIMIT and "\x00" not in reason
    problem = "" if said else gettext("Say why, in up to 500 characters.")
    refuse_problems({"reason": problem}, problem)
    with transaction.atomic():
        Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
        found, _ = RaterStanding.objects.update_or_create(
            rater=rater,
            defaults={
                "state": state,
                "reason": reason,
                "decided_by": actor,
                "changed_at": timezone.now(),
            },
        )
        counted = state == StandingState.COUNTED
        rater_weigh(rater=rater, reliability=1.0 if counted else 0.0)
        moved = _reinstate(rater) if counted else _quarantine(rater)
        audit_record(
            actor=actor,
            action=f"standing.{state.value}",
            subject=rater.public_id,
            detail={"reason": reason, "judgments": moved},
        )
    return found


def quarantine_leave_to_rules(*, rater: Rater, actor: Contributor) -> None:
    """Let the rules decide again about a rater; what they find takes effect at the next refresh."""
    with transaction.atomic():
        RaterStanding.objects.filter(rater=rater).update(decided_by=None)
        audit_record(actor=actor, action="standing.release", subject=rater.public_id)


def _apply_rules(rater: Rater, known: RaterReliability | None, concerns: list[str]) -> bool:
    """Weigh one contributor by the rules; return whether they went into quarantine now."""
    standing: RaterStanding | None = getattr(rater, "standing", None)
    if standing and standing.state == StandingState.QUARANTINED:
        _quarantine(rater)  # what came in since
        return False
    if standing and standing.decided_by_id:
        return False
    halvings = sum(not CHECKS[kind].in_skill for kind in concerns)
    reliability = (known.skill if known else 1.0) * 0.5**halvings
    if reliability < QUARANTINE and concerns:
        labels = ", ".join(str(CHECKS[kind].label) for kind in concerns)
        quarantine_set(
            rater=rater,
            state=StandingState.QUARANTINED,
            reason=f"{RULE_REASON}: {labels}.",
            actor=None,
        )
        return True
    rater_weigh(rater=rater, reliability=reliability)
    if known and not concerns:
        _promote(rater, known)
    return False


def _promote(rater: Rater, known: RaterReliability) -> None:
    """Make a registered contributor with enough good judgments a trusted one."""
    contributor = rater.contributor
    good = known.compared >= TRUSTED_JUDGMENTS and known.skill >= TRUSTED_SKILL
    if good and contributor and contributor.trust_tier == TrustTier.REGISTERED:
        reason = f"{known.compared} judgments, as reliable as the average"
        tier_set(contributor=contributor, tier=TrustTier.TRUSTED, reason=reason)


def _quarantine(rater: Rater) -> int:
    """Stop counting all that counts, published or not; return how many judgments those were."""
    return len(judgments_quarantine(Preference.objects.filter(rater=rater)))


def _reinstate(rater: Rater) -> int:
    """Bring back what was in quarantine, but for what the person has judged anew meanwhile."""
    own = Preference.objects.filter(rater=rater)
    judged_anew = own.active().values("comparison")
    return len(judgments_reinstate(own.exclude(comparison__in=judged_anew)))


def _concerns() -> dict[object, list[str]]:
    """Return the kinds of concern of each rater who has one."""
    concerns: dict[object, list[str]] = {}
    rows: Iterable[tuple[object, str]] = (
        QualitySignal.objects.concerns().order_by("kind").values_list("rater_id", "kind")
    )
    for rater, kind in rows:
        concerns.setdefault(rater, []).append(kind)
    return concerns
