"""Writes about people: contributors, consent, keys, operator links, the audit trail."""

import secrets
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from feedback.errors import ApplicationError, NotFoundError
from feedback.identifiers import secret_digest
from feedback.people.models import (
    ApiKey,
    AuditEvent,
    ConsentRecord,
    Contributor,
    OperatorLink,
    Rater,
    RaterKind,
    Role,
    TrustTier,
)
from feedback.people.terms import SCOPES, TERMS_LICENCE, TERMS_SCOPE, TERMS_VERSION


def contributor_create(
    *, name: str | None = None, role: Role = Role.CONTRIBUTOR, locale: str = "en"
) -> Contributor:
    """A contributor and their rater. Without a name: anonymous, of the lowest trust tier."""
    if name is not None and Contributor.objects.filter(name=name).exists():
        raise ApplicationError("name_taken", f"There is already a contributor named {name}.")
    with transaction.atomic():
        contributor = Contributor(
            name=name,
            role=role,
            locale=locale,
            trust_tier=TrustTier.ANONYMOUS if name is None else TrustTier.REGISTERED,
        )
        contributor.set_unusable_password()
        contributor.save()
        Rater.objects.create(kind=RaterKind.HUMAN, contributor=contributor)
    return contributor


def named_contributor_create(*, name: str, role: Role = Role.CONTRIBUTOR) -> Contributor:
    """A contributor who is made on the server: whoever does it answers for their agreement."""
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
    """A new key of the REST API; this is the only time it is seen."""
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


def operator_link_create() -> str:
    """The path of a link that makes its first visitor an operator."""
    token = secrets.token_urlsafe(32)
    OperatorLink.objects.create(digest=secret_digest(token))
    return f"/people/operator/{token}/"


def operator_link_use(*, token: str, contributor: Contributor) -> None:
    """Make the contributor an operator; a link works once."""
    with transaction.atomic():
        won = OperatorLink.objects.filter(digest=secret_digest(token), used_at=None).update(
            used_at=timezone.now(), used_by=contributor
        )
        if won != 1:
            raise NotFoundError("link_used", "This link was used already, or never existed.")
        contributor.role = Role.OPERATOR
        contributor.save(update_fields=["role"])
        audit_record(actor=contributor, action="operator.become", subject=str(contributor.id))


def audit_record(
    *, actor: Contributor | None, action: str, subject: str, detail: dict[str, Any] | None = None
) -> AuditEvent:
    """Write down who did what; in the caller's transaction."""
    return AuditEvent.objects.create(
        actor=actor, action=action, subject=subject, detail=detail or {}
    )
