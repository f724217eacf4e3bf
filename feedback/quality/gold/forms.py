"""The form of a gold item, as curators fill it in."""

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback.campaigns.models import GoldMode
from feedback.pool.choices import CHOICE_LABELS

EXPLANATION_LIMIT = 2000


class GoldForm(forms.Form):
    """The right answer to a comparison, in the order in which the page shows it."""

    choice = forms.ChoiceField(choices=list(CHOICE_LABELS.items()), label=_("Right"))
    mode = forms.ChoiceField(choices=GoldMode.choices, label=_("Mode"))
    explanation = forms.CharField(
        required=False,
        max_length=EXPLANATION_LIMIT,
        label=_("Explanation"),
        widget=forms.Textarea({"rows": 3, "dir": "auto"}),
    )
