"""Reads about people."""

from feedback.errors import ForbiddenError
from feedback.identifiers import secret_digest
from feedback.people.models import ApiKey, ConsentRecord, Contributor, OperatorLink, Rater
from feedback.people.terms import TERMS_VERSION


def rater_of(contributor: Contributor) -> Rater:
    """The rater that a contributor judges as."""
    return Rater.objects.get(contributor=contributor)


def current_consent(contributor: Contributor) -> ConsentRecord | None:
    """The contributor's agreement to the terms as they are now."""
    return (
        ConsentRecord.objects.filter(contributor=contributor, terms_version=TERMS_VERSION)
        .order_by("-created_at")
        .first()
    )


def consent_required(contributor: Contributor) -> ConsentRecord:
    """The consent that feedback is given under; an error where there is none."""
    consent = current_consent(contributor)
    if consent is None:
        raise ForbiddenError("consent_required", "Agree to the terms first, at /terms/.")
    return consent


def apikey_find(key: str) -> ApiKey | None:
    """The key that is valid now, with its contributor."""
    return (
        ApiKey.objects.select_related("contributor")
        .filter(digest=secret_digest(key), revoked_at=None, contributor__is_active=True)
        .first()
    )


def operator_link_is_open(token: str) -> bool:
    """Whether this link can still make someone the operator."""
    return OperatorLink.objects.filter(digest=secret_digest(token), used_at=None).exists()
