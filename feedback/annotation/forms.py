"""The form of the Annotate page."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from feedback.annotation.answers import Answer
from feedback.errors import ApplicationError
from feedback.pool.choices import DISPLAYED_CHOICES
from feedback.pool.judgment import RATIONALE_LIMIT

ASPECT_PREFIX = "aspect:"


class AnswerForm(forms.Form):
    """What the decision bar and the longer form send."""

    choice = forms.ChoiceField(choices=[(value, value) for value in DISPLAYED_CHOICES])
    strength = forms.FloatField(required=False)
    rationale = forms.CharField(required=False, max_length=RATIONALE_LIMIT)
    duration_ms = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


def answer_of(data: QueryDict) -> Answer:
    """The answer in a form; an error that names each field which is not as it should be."""
    form = AnswerForm(data)
    if not form.is_valid():
        fields: dict[str, Any] = {
            name: " ".join(map(str, texts)) for name, texts in form.errors.items()
        }
        raise ApplicationError("invalid", _("Please correct the fields below."), fields=fields)
    prefix = len(ASPECT_PREFIX)
    aspects = {
        name[prefix:]: str(value)
        for name, value in data.items()
        if name.startswith(ASPECT_PREFIX) and value
    }
    reasons = tuple(map(str, data.getlist("reasons")))
    return Answer(aspects=aspects, reasons=reasons, **form.cleaned_data)
