"""The form of a campaign's human budget, as operators fill it in."""

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback.campaigns.models import Campaign

INVALID = ("required", "invalid")


class BudgetForm(forms.Form):
    """How many human judgments to spend, and how many per cent of them at random."""

    human_budget = forms.IntegerField(
        error_messages=dict.fromkeys(INVALID, _("Enter a whole number."))
    )
    explore = forms.IntegerField(
        error_messages=dict.fromkeys(INVALID, _("Enter a whole number of per cent."))
    )

    @classmethod
    def of(cls, campaign: Campaign) -> "BudgetForm":
        """Return the form with the campaign's budget as it is."""
        explore = round(100 * campaign.explore_share)
        return cls(initial={"human_budget": campaign.human_budget, "explore": explore})
