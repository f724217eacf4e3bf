"""Writes about people: contributors, consent, keys, roles and tiers, the audit trail."""

import secrets
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError
from feedback.identifiers import secret_digest
from feedback.people.models import (
    TIER_WEIGHT,
    ApiKey,
    AuditEvent,
    ConsentRecord,
    Contributor,
    Rater,
    RaterKind,
    Role,
    TrustTier,
)
from feedback.people.terms import SCOPES, TERMS_LICENCE, TERMS_SCOPE, TERMS_VERSION


def contributor_create(
    *, name: str | None = None, role: Role = Role.CONTRIBUTOR, locale: str = "en"
) -> Contributor:
    """Make a contributor and their rater; without a name: anonymous, of the lowest tier."""
    if name is not None and Contributor.objects.filter(name=name).exists():
        raise ApplicationError("name_taken", _("There is already a contributor named %s.") % name)
    with transaction.atomic():
        contributor = Contributor(
            name=name,
            role=role,
            locale=locale,
            trust_tier=TrustTier.ANONYMOUS if name is None else TrustTier.REGISTERED,
        )
        contributor.set_unusable_password()
        contributor.save()
        Rater.objects.create(
            kind=RaterKind.HUMAN,
            contributor=contributor,
            weight=TIER_WEIGHT[TrustTier(contributor.trust_tier)],
        )
    return contributor


def named_contributor_create(*, name: str, role: Role = Role.CONTRIBUTOR) -> Contributor:
    """Make a contributor on the server: whoever does it answers for their agreement."""
    with transaction.atomic():
        contributor = contributor_create(name=name, role=role)
        consent_give(contributor=contributor)
    return contributor


def consent_give(*, contributor: Contributor) -> ConsentRecord:
    """Record that the contributor agrees to the current terms."""
    return ConsentRecord.objects.create(
        contributor=contributor,
        terms_version=TERMS_VERSION,
        licence=TERMS_LICENCE,
        scope=list(TERMS_SCOPE),
    )


def apikey_create(*, contributor: Contributor, name: str, scopes: Iterable[str]) -> str:
    """Make a key of the REST API and return it; this is the only time it is seen."""
    wanted = list(dict.fromkeys(scopes))
    if unknown := sorted(set(wanted) - set(SCOPES)):
        raise ApplicationError(
            "unknown_scope", f"No such scope: {', '.join(unknown)}. Known: {', '.join(SCOPES)}."
        )
    key = f"fc_{secrets.token_urlsafe(32)}"
    ApiKey.objects.create(
        contributor=contributor, name=name, digest=secret_digest(key), scopes=wanted
    )
    return key


def role_set(*, contributor: Contributor, role: Role, actor: Contributor | None) -> None:
    """Give the contributor a role; the same one again changes nothing."""
    if contributor.role == role:
        return
    with transaction.atomic():
        detail = {"from": contributor.role, "to": role.value}
        contributor.role = role
        contributor.save(update_fields=["role"])
        audit_record(actor=actor, action="role.set", subject=str(contributor.id), detail=detail)


def tier_set(
    *, contributor: Contributor, tier: TrustTier, reason: str, actor: Contributor | None = None
) -> bool:
    """Put the contributor into a trust tier and write down why; whether that changed anything.

    Without an actor a rule did it: a verified address, an invitation, the record of a rater.
    """
    with transaction.atomic():
        locked = Contributor.objects.select_for_update().get(pk=contributor.pk)
        if locked.trust_tier == tier:
            return False
        detail = {"from": locked.trust_tier, "to": int(tier), "reason": reason}
        Contributor.objects.filter(pk=contributor.pk).update(trust_tier=tier)
        Rater.objects.filter(contributor=contributor).update(
            weight=F("reliability") * TIER_WEIGHT[tier]
        )
        audit_record(actor=actor, action="tier.set", subject=str(contributor.id), detail=detail)
    contributor.trust_tier = tier
    return True


def audit_record(
    *, actor: Contributor | None, action: str, subject: str, detail: dict[str, Any] | None = None
) -> AuditEvent:
    """Write down who did what; in the caller's transaction."""
    return AuditEvent.objects.create(
        actor=actor, action=action, subject=subject, detail=detail or {}
    )


def audit_record_each(*, actor: Contributor | None, action: str, subjects: Iterable[str]) -> None:
    """Write down what somebody did to each of the subjects; in the caller's transaction."""
    AuditEvent.objects.bulk_create(
        AuditEvent(actor=actor, action=action, subject=subject) for subject in subjects
    )
