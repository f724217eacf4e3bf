"""The form of a threshold on the page of the router."""

from django import forms
from django.utils.translation import gettext_lazy as _

NO_MODEL = {"null_characters_not_allowed": _("There is no such model.")}
NO_NUMBER = _("Enter a whole number of per cent.")


class ThresholdForm(forms.Form):
    """A strong and a weak model by their labels, and the share of prompts for the strong one.

    What a name, a model and a share may be is the services' to say, for programs as well.
    """

    name = forms.CharField(required=False)
    strong = forms.CharField(required=False, error_messages=NO_MODEL)
    weak = forms.CharField(required=False, error_messages=NO_MODEL)
    share = forms.IntegerField(error_messages={"required": NO_NUMBER, "invalid": NO_NUMBER})

    def clean_share(self) -> float:
        """Return the share in [0, 1]; people type it in per cent."""
        percent: int = self.cleaned_data["share"]
        return percent / 100
