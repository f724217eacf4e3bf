"""Reads about people."""

from typing import cast

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from feedback.database.prepared import prepared_first, prepared_objects
from feedback.errors import ForbiddenError
from feedback.identifiers import secret_digest
from feedback.people.models import ApiKey, ConsentRecord, Contributor, Rater
from feedback.people.terms import TERMS_VERSION

APIKEY = """
  FROM feedback_apikey key JOIN feedback_contributor owner ON owner.id = key.contributor_id
 WHERE key.digest = %(digest)s AND key.revoked_at IS NULL AND owner.is_active
"""
CONSENT = """
x.contributor_id = %(contributor)s AND x.terms_version = %(terms)s ORDER BY x.created_at DESC
"""


def rater_of(contributor: Contributor) -> Rater:
    """Return the rater that a contributor judges as."""
    return Rater.objects.get(contributor=contributor)


def given_by(contributor: Contributor, path: str = "rater__contributor") -> Q:
    """Return the filter for rows that the contributor, or somebody they adopted, gave."""
    return Q(**{path: contributor}) | Q(**{f"{path}__adopted_by": contributor})


def current_consent(contributor: Contributor) -> ConsentRecord | None:
    """Return the contributor's agreement to the terms as they are now."""
    values = {"contributor": contributor.id, "terms": TERMS_VERSION}
    return prepared_first(ConsentRecord, CONSENT, values)


def consent_required(contributor: Contributor) -> ConsentRecord:
    """Return the consent that feedback is given under; raises ForbiddenError."""
    consent = current_consent(contributor)
    if consent is None:
        raise consent_missing()
    return consent


def consent_missing() -> ForbiddenError:
    """Return the refusal of feedback from somebody who has not agreed."""
    return ForbiddenError("consent_required", _("Agree to the terms first, at /terms/."))


def apikey_find(key: str) -> ApiKey | None:
    """Return the key that is valid now, with its contributor."""
    rows = prepared_objects(APIKEY, {"digest": secret_digest(key)}, key=ApiKey, owner=Contributor)
    if not rows:
        return None
    found, owner = rows[0]
    found.contributor = owner
    return cast(ApiKey, found)


def sign_up_is_open() -> bool:
    """Say whether somebody new may take part without an invitation."""
    return bool(settings.SIGN_UP == "open")
