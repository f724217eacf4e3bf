"""Deleting an account: who it was is erased; judgments stay under the pseudonym, or leave too."""

from django.db import transaction

from feedback.people.erasure import contributor_erase
from feedback.people.models import Contributor
from feedback.people.selectors import given_by
from feedback.people.services import audit_record
from feedback.pool.models import Preference
from feedback.publication.holders import Holders, holders_of, judgments_held
from feedback.publication.services import judgments_take_back


def account_close(*, contributor: Contributor, withdraw: bool) -> Holders:
    """Erase the account, and withdraw its judgments where that is wanted.

    Return the releases and checkpoints that had held what was withdrawn.
    """
    given = Preference.objects.not_withdrawn().filter(given_by(contributor))
    held = judgments_held(given) if withdraw else []
    with transaction.atomic():
        detail = {"judgments": "withdrawn" if withdraw else "kept"}
        subject = str(contributor.id)
        audit_record(actor=contributor, action="account.delete", subject=subject, detail=detail)
        for adopted in contributor.adopted.all():
            contributor_erase(adopted)
        contributor_erase(contributor)
        if withdraw:  # last: every export waits for the lock that this takes
            judgments_take_back(rows=given, actor=contributor)
    return holders_of(held)
