"""What contributors may do with their own judgments: change them, publish them or not."""

from django.db import transaction
from django.utils.translation import gettext as _

from feedback.contributions.selectors import own_judgment
from feedback.errors import ConflictError
from feedback.people.models import Contributor
from feedback.people.selectors import consent_required
from feedback.pool.choices import DISPLAYED_CHOICES, stored_choice
from feedback.pool.models import Choice, Preference, PreferenceState
from feedback.pool.visibility import preference_hide, preference_repeat, preference_show
from feedback.publication.services import consensus_forget

BLIND = "annotate"  # judgments of this page are given, and saved, without the models' names


def names_are_known(preference: Preference) -> bool:
    """Return whether its giver knows which models answered: another choice is not blind then."""
    conversation = preference.comparison.turn.conversation
    if conversation.contributor_id == preference.rater.contributor_id:
        return conversation.revealed_at is not None
    return preference.source != BLIND


def judgment_change(*, public_id: str, contributor: Contributor, displayed: str) -> Preference:
    """Replace a judgment by one of another choice, given by position as the answers were displayed.

    Raises ConflictError where it does not count any more, or where it would not be blind.
    """
    preference = own_judgment(public_id=public_id, contributor=contributor)
    if preference.state != PreferenceState.ACTIVE:
        raise ConflictError("not_active", _("This judgment does not count any more."))
    if names_are_known(preference):
        raise ConflictError("names_known", _("You have seen which models these are."))
    if displayed not in DISPLAYED_CHOICES:
        raise ConflictError("invalid", _("Choose one of the four answers."))
    choice = stored_choice(displayed, preference.order_shown or "ab")
    if choice == preference.choice:
        return preference
    with transaction.atomic():
        consensus_forget(Preference.objects.filter(pk=preference.pk))
        return preference_repeat(
            preference=preference,
            consent=consent_required(contributor),
            choice=Choice(choice),
            visibility=preference.visibility,
        )


def judgment_publish(*, public_id: str, contributor: Contributor, public: bool) -> None:
    """Let a judgment be published, or keep it out of what is."""
    preference = own_judgment(public_id=public_id, contributor=contributor)
    if public:
        consent = consent_required(contributor)
        preference_show(preference=preference, actor=contributor, consent=consent)
    else:
        preference_hide(preference=preference, actor=contributor)
