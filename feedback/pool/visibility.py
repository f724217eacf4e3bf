"""Whether a judgment may be published: its giver can change that, both ways."""

import uuid
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from feedback.errors import ConflictError
from feedback.people.models import ConsentRecord, Contributor
from feedback.people.services import audit_record, audit_record_each
from feedback.pool.judgment import Judgment
from feedback.pool.lifecycle import judgments_hide, judgments_show
from feedback.pool.models import Preference, PreferenceState, Visibility
from feedback.pool.services import Provenance, preference_record


def preference_hide(*, preference: Preference, actor: Contributor) -> None:
    """Make it private: a published one leaves the live export, as a removal that `since` tells."""
    with transaction.atomic():
        hidden = judgments_hide(Preference.objects.filter(pk=preference.pk))
        audit_record_each(actor=actor, action="preference.hide", subjects=hidden)
    if not hidden:
        _active(preference)


def preference_show(
    *, preference: Preference, actor: Contributor, consent: ConsentRecord
) -> Preference:
    """Make it public again. One that was published before comes back as a new judgment.

    What left the live export never returns under its old number, so those who follow it see one
    removal and one new row.
    """
    with transaction.atomic():
        shown = judgments_show(Preference.objects.filter(pk=preference.pk))
        now = _active(preference)
        if not shown and now.visibility == Visibility.PUBLIC:
            return now
        audit_record(actor=actor, action="preference.show", subject=now.public_id)
        return now if shown else preference_repeat(preference=now, consent=consent)


def preference_repeat(
    *,
    preference: Preference,
    consent: ConsentRecord,
    choice: str | None = None,
    visibility: str = Visibility.PUBLIC,
) -> Preference:
    """Record the same judgment anew, superseding the old one; or another choice, which is bare.

    Strength, aspects and reasons were given for the old choice, and do not move to another one.
    """
    before = Judgment.of(preference)
    if choice is None or choice == before.choice:
        judgment = replace(before, duration_ms=None, visibility=visibility)
    else:
        judgment = Judgment(choice=choice, order_shown=before.order_shown, visibility=visibility)
    recorded, _is_new = preference_record(
        comparison=preference.comparison,
        rater_id=preference.rater_id,
        judgment=judgment,
        idempotency_key=f"again:{preference.public_id}:{uuid.uuid4().hex}",
        provenance=Provenance(
            source=preference.source,
            role=preference.role,
            consent_id=consent.pk,
            campaign_id=preference.campaign_id,
            assignment_id=preference.assignment_id,
        ),
        supersedes=preference,
    )
    return recorded


def _active(preference: Preference) -> Preference:
    """Return the judgment as it is now; a ConflictError where it does not count any more."""
    found = Preference.objects.select_related("comparison", "rater").get(pk=preference.pk)
    if found.state != PreferenceState.ACTIVE:
        raise ConflictError("not_active", _("This judgment does not count any more."))
    return found
