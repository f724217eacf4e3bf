"""What comes of the signals: a weight, and beyond a threshold a quarantine with its reason.

A rater's reliability is their skill beside an average rater's (`trainers.statistics.reliability`),
halved for each concern that skill does not measure. Below QUARANTINE, and with a concern to show
for it, their judgments are quarantined: nothing is deleted, the person is told why, and a curator
may lift it. The rules act on contributors alone; raters of an import and AI judges keep the weight
of one, and are shown. Where a curator has decided, the rules do not.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from feedback.errors import ApplicationError
from feedback.people.models import Contributor, Rater, TrustTier
from feedback.people.services import audit_record, tier_set
from feedback.pool.lifecycle import judgments_quarantine, judgments_reinstate
from feedback.pool.models import Preference, PreferenceState
from feedback.quality.checks import signals_find
from feedback.quality.judged import judged_load
from feedback.quality.known_answers import Known, known_signals
from feedback.quality.models import (
    QualitySignal,
    RaterReliability,
    RaterStanding,
    SignalKind,
    StandingState,
)
from feedback.quality.weights import rater_weigh

QUARANTINE = 0.2
MEASURED_BY_SKILL = {SignalKind.SEQUENTIAL}
TRUSTED_JUDGMENTS, TRUSTED_SKILL = 50, 0.9
REASON_LIMIT = 500
RULE_REASON = gettext_noop("The answers differ from those of others by more than chance")


def standings_refresh() -> int:
    """Look at every rater anew; how many were set aside by it."""
    now = timezone.now()
    _signals_write(list(_all_signals()), now)
    concerns = _concerns()
    known = {row.rater_id: row for row in RaterReliability.objects.all()}
    people = Rater.objects.filter(contributor__isnull=False, id__in=known.keys() | concerns.keys())
    aside = 0
    for rater in people.select_related("contributor", "standing"):
        aside += _judge(rater, known.get(rater.id), concerns.get(rater.id, []))
    return aside


def standing_set(
    *, rater: Rater, state: StandingState, reason: str, actor: Contributor | None
) -> RaterStanding:
    """Set a rater's judgments aside, or count them again; with an actor it stays so."""
    if not 0 < len(reason.strip()) <= REASON_LIMIT or "\x00" in reason:
        raise ApplicationError("reason", gettext("Say why, in up to 500 characters."))
    with transaction.atomic():
        Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
        found, _ = RaterStanding.objects.update_or_create(
            rater=rater,
            defaults={
                "state": state,
                "reason": reason.strip(),
                "decided_by": actor,
                "changed_at": timezone.now(),
            },
        )
        counted = state == StandingState.COUNTED
        rater_weigh(rater=rater, reliability=1.0 if counted else 0.0)
        moved = _count_again(rater) if counted else _set_aside(rater)
        audit_record(
            actor=actor,
            action=f"standing.{state.value}",
            subject=rater.public_id,
            detail={"reason": reason.strip(), "judgments": moved},
        )
    return found


def standing_release(*, rater: Rater, actor: Contributor) -> None:
    """Leave a rater to the rules again; what they find takes effect at the next look."""
    with transaction.atomic():
        RaterStanding.objects.filter(rater=rater).update(decided_by=None)
        audit_record(actor=actor, action="standing.release", subject=rater.public_id)


def _judge(rater: Rater, known: RaterReliability | None, concerns: list[SignalKind]) -> bool:
    """Apply the rules to one contributor; whether they were set aside now."""
    standing: RaterStanding | None = getattr(rater, "standing", None)
    if standing and standing.state == StandingState.QUARANTINED:
        _set_aside(rater)  # what came in since
        return False
    if standing and standing.decided_by_id:
        return False
    halved = 0.5 ** len(set(concerns) - MEASURED_BY_SKILL)
    reliability = (known.skill if known else 1.0) * halved
    if reliability < QUARANTINE and concerns:
        kinds = ", ".join(str(SignalKind(kind).label) for kind in concerns)
        standing_set(
            rater=rater,
            state=StandingState.QUARANTINED,
            reason=f"{RULE_REASON}: {kinds}.",
            actor=None,
        )
        return True
    rater_weigh(rater=rater, reliability=reliability)
    if known and not concerns:
        _promote(rater, known)
    return False


def _promote(rater: Rater, known: RaterReliability) -> None:
    """Enough good judgments make a registered contributor a trusted one."""
    contributor = rater.contributor
    good = known.compared >= TRUSTED_JUDGMENTS and known.skill >= TRUSTED_SKILL
    if good and contributor and contributor.trust_tier == TrustTier.REGISTERED:
        reason = f"{known.compared} judgments, as reliable as the average"
        tier_set(contributor=contributor, tier=TrustTier.TRUSTED, reason=reason)


def _set_aside(rater: Rater) -> int:
    """Quarantine all that counts, published or not; how many judgments those were."""
    return len(judgments_quarantine(Preference.objects.filter(rater=rater)))


def _count_again(rater: Rater) -> int:
    """Bring back what was quarantined, but for what the person has judged anew meanwhile."""
    own = Preference.objects.filter(rater=rater)
    judged_anew = own.filter(state=PreferenceState.ACTIVE).values("comparison")
    return len(judgments_reinstate(own.exclude(comparison__in=judged_anew)))


def _all_signals() -> Iterable[Known]:
    judged = judged_load()
    for found in signals_find(judged):
        yield Known(
            judged.rater_ids[found.rater],
            found.kind,
            found.statistic,
            found.threshold,
            found.n,
            bool(found.concern),
            [judged.ids[place] for place in found.evidence.tolist()],
        )
    yield from known_signals()


def _signals_write(found: list[Known], now: datetime) -> None:
    """One row a rater and kind; `since` stays from when it first was a concern."""
    fresh = [
        QualitySignal(
            rater_id=one.rater,
            kind=one.kind,
            statistic=one.statistic,
            threshold=one.threshold,
            n=one.n,
            concern=one.concern,
            evidence=one.evidence,
            since=now if one.concern else None,
            updated_at=now,
        )
        for one in found
    ]
    with transaction.atomic():
        since = {
            (str(row.rater_id), row.kind): row.since
            for row in QualitySignal.objects.filter(concern=True)
        }
        for row in fresh:
            if row.concern:
                row.since = since.get((str(row.rater_id), row.kind)) or now
        QualitySignal.objects.bulk_create(
            fresh,
            update_conflicts=True,
            unique_fields=["rater", "kind"],
            update_fields=[
                "statistic",
                "threshold",
                "n",
                "concern",
                "evidence",
                "since",
                "updated_at",
            ],
            batch_size=1000,
        )
        QualitySignal.objects.filter(updated_at__lt=now).delete()


def _concerns() -> dict[object, list[SignalKind]]:
    concerns: dict[object, list[SignalKind]] = {}
    rows = QualitySignal.objects.filter(concern=True).order_by("kind")
    for rater, kind in rows.values_list("rater_id", "kind"):
        concerns.setdefault(rater, []).append(SignalKind(kind))
    return concerns
