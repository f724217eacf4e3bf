"""The form of a new invitation."""

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback.people.models import Role, TrustTier

LONGEST_DAYS = 365
UNKNOWN = {key: _("There is no such role or tier.") for key in ("required", "invalid_choice")}
LIFETIME = {
    key: _("It lasts for 1 to 365 days.")
    for key in ("required", "invalid", "min_value", "max_value")
}


class InvitationForm(forms.Form):
    """What an invitation gives, for how long, and a note for the operators."""

    role = forms.ChoiceField(choices=Role.choices, error_messages=UNKNOWN)
    trust_tier = forms.TypedChoiceField(
        choices=TrustTier.choices, coerce=int, error_messages=UNKNOWN
    )
    days = forms.IntegerField(min_value=1, max_value=LONGEST_DAYS, error_messages=LIFETIME)
    note = forms.CharField(required=False)
