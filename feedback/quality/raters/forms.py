"""What a curator may decide about a rater."""

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback.quality.models import StandingState

LEAVE_TO_RULES = "release"


class DecisionForm(forms.Form):
    """A decision and its reason; the service says which reasons will do."""

    action = forms.ChoiceField(
        choices=[*StandingState.choices, (LEAVE_TO_RULES, LEAVE_TO_RULES)],
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("This cannot be decided here.")
        ),
    )
    reason = forms.CharField(required=False)
