"""API keys that people make for themselves."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError, ForbiddenError, InvalidError, NotFoundError
from feedback.people.models import ApiKey, Contributor, TrustTier
from feedback.people.services import apikey_create, audit_record
from feedback.people.terms import SCOPES

OPERATOR_SCOPES = {"models:write", "runs:write"}
KEYS_LIMIT = 20


def scopes_of(contributor: Contributor) -> list[str]:
    """Return the scopes that the contributor's own keys may have."""
    return [one for one in SCOPES if contributor.is_operator or one not in OPERATOR_SCOPES]


def keys_of(contributor: Contributor) -> QuerySet[ApiKey]:
    """Return the contributor's keys that work, newest first."""
    return ApiKey.objects.filter(contributor=contributor, revoked_at=None).order_by("-id")


def own_key_create(*, contributor: Contributor, name: str, scopes: list[str]) -> str:
    """Make a key with some of the scopes that its maker may have, and return it: only this once.

    Programs are limited per key and not per address, so who is known by a cookie alone has none.
    """
    if contributor.trust_tier == TrustTier.ANONYMOUS:
        raise ForbiddenError("account_needed", _("Make an account first: a key belongs to one."))
    if not name.strip() or len(name) > 100 or "\x00" in name:
        message = _("Give the key a name of up to 100 characters.")
        raise InvalidError({"name": message}, message)
    if not scopes or not set(scopes) <= set(scopes_of(contributor)):
        message = _("Choose what the key may do.")
        raise InvalidError({"scopes": message}, message)
    with transaction.atomic():
        if keys_of(contributor).count() >= KEYS_LIMIT:
            raise ApplicationError("too_many", _("You already have 20 keys. Revoke one first."))
        key = apikey_create(contributor=contributor, name=name.strip(), scopes=scopes)
        detail = {"name": name.strip(), "scopes": scopes}
        subject = str(contributor.id)
        audit_record(actor=contributor, action="key.create", subject=subject, detail=detail)
    return key


def own_key_revoke(*, contributor: Contributor, key_id: str) -> None:
    """End one of the contributor's keys."""
    with transaction.atomic():
        if keys_of(contributor).filter(id=key_id).update(revoked_at=timezone.now()) != 1:
            raise NotFoundError("not_found", _("There is no such key of yours."))
        audit_record(actor=contributor, action="key.revoke", subject=str(key_id))
