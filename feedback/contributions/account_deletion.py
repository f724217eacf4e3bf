"""Deleting an account: who it was is erased; judgments stay under the pseudonym, or leave too."""

from django.db import transaction

from feedback.people.erasure import contributor_erase
from feedback.people.models import Contributor
from feedback.people.selectors import given_by
from feedback.people.services import audit_record
from feedback.pool.models import Preference, PreferenceState
from feedback.pool.services import preference_withdraw
from feedback.publication.services import consensus_forget


def account_close(*, contributor: Contributor, withdraw: bool) -> None:
    """Erase the account, and withdraw its judgments where that is wanted."""
    with transaction.atomic():
        if withdraw:
            given = Preference.objects.filter(given_by(contributor))
            for preference in given.exclude(state=PreferenceState.WITHDRAWN).iterator():
                preference_withdraw(preference=preference, actor=contributor)
                consensus_forget(preference)
        detail = {"judgments": "withdrawn" if withdraw else "kept"}
        subject = str(contributor.id)
        audit_record(actor=contributor, action="account.delete", subject=subject, detail=detail)
        for adopted in contributor.adopted.all():
            contributor_erase(adopted)
        contributor_erase(contributor)
