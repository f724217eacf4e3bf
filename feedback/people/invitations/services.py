"""Invitations: a one-time link that gives its first visitor a role and a trust tier."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.errors import ForbiddenError, InvalidError, NotFoundError
from feedback.identifiers import secret_digest
from feedback.people.models import Contributor, Invitation, Role, TrustTier
from feedback.people.services import audit_record, role_set, tier_set

ROLES = list(Role)  # from the least to the most
NOTE_LIMIT = 200


def invitation_create(
    *,
    role: Role = Role.CONTRIBUTOR,
    trust_tier: TrustTier = TrustTier.REGISTERED,
    note: str = "",
    lifetime: timedelta | None = None,
    actor: Contributor | None = None,
) -> str:
    """Make a link and return its path, which is seen only here.

    Raises ForbiddenError for a role above the one of `actor`, and InvalidError for the note.
    """
    if actor is not None and ROLES.index(role) > ROLES.index(Role(actor.role)):
        raise ForbiddenError("role_too_high", _("You cannot give a role above your own."))
    if len(note) > NOTE_LIMIT or "\x00" in note:
        message = _("A note is one line of at most 200 characters.")
        raise InvalidError({"note": message}, message)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        made = Invitation.objects.create(
            digest=secret_digest(token),
            role=role,
            trust_tier=trust_tier,
            note=note,
            expires_at=timezone.now() + lifetime if lifetime else None,
            created_by=actor,
        )
        detail = {"role": role.value, "trust_tier": int(trust_tier)}
        audit_record(actor=actor, action="invitation.create", subject=str(made.id), detail=detail)
    return f"/people/invitation/{token}/"


def invitation_find(token: str) -> Invitation | None:
    """Return the invitation that this link can still be used for."""
    return _open().filter(digest=secret_digest(token)).first()


def invitation_use(*, token: str, contributor: Contributor) -> Invitation:
    """Give the contributor what the link promises; it works once, and takes nothing away."""
    with transaction.atomic():
        found = invitation_find(token)
        used = {"used_at": timezone.now(), "used_by": contributor}
        if found is None or _open().filter(id=found.id).update(**used) != 1:
            raise NotFoundError("link_used", _("This link was used already, or never existed."))
        if ROLES.index(Role(found.role)) > ROLES.index(Role(contributor.role)):
            role_set(contributor=contributor, role=Role(found.role), actor=found.created_by)
        if found.trust_tier > contributor.trust_tier:
            tier = TrustTier(found.trust_tier)
            tier_set(contributor=contributor, tier=tier, reason="invitation")
        audit_record(actor=contributor, action="invitation.use", subject=str(found.id))
    return found


def invitation_revoke(*, invitation_id: str, actor: Contributor) -> None:
    """End an invitation that nobody has used yet."""
    with transaction.atomic():
        if _open().filter(id=invitation_id).update(revoked_at=timezone.now()) != 1:
            raise NotFoundError("not_open", _("This invitation is not open any more."))
        audit_record(actor=actor, action="invitation.revoke", subject=str(invitation_id))


def _open() -> QuerySet[Invitation]:
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return Invitation.objects.filter(unexpired, used_at=None, revoked_at=None)
