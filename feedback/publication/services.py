"""Taking judgments back, and saying what had held them."""

from django.db import transaction
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.people.models import Contributor
from feedback.people.selectors import given_by
from feedback.pool.models import Preference
from feedback.pool.querysets import PreferenceQuerySet
from feedback.pool.services import preferences_withdraw
from feedback.publication.holders import Holders, holders_of, judgments_held
from feedback.quality.models import Consensus


def judgment_withdraw(*, public_id: str, actor: Contributor) -> Holders:
    """Take a contributor's own judgment back: out of the live export at once, for good.

    Return the releases and checkpoints that had held it; a repeat returns the same. They are looked
    for after the withdrawal has been committed, so that no damaged file can stand in its way.
    """
    preference = get_or_not_found(
        Preference.objects.filter(given_by(actor)),
        "not_found",
        _("There is no such judgment of yours."),
        public_id=public_id,
    )
    own = Preference.objects.filter(pk=preference.pk)
    held = judgments_held(own)
    judgments_take_back(rows=own.not_withdrawn(), actor=actor)
    return holders_of(held)


def judgments_take_back(*, rows: PreferenceQuerySet[Preference], actor: Contributor) -> int:
    """Withdraw judgments, and forget the consensus that spoke for them, too; return how many.

    The next refresh makes the consensus of the judgments that are left.
    """
    with transaction.atomic():
        consensus_forget(rows)
        return preferences_withdraw(rows=rows, actor=actor)


def consensus_forget(rows: PreferenceQuerySet[Preference]) -> None:
    """Forget what was agreed on the comparisons of judgments that no longer count."""
    Consensus.objects.filter(comparison__in=rows.values("comparison")).delete()
