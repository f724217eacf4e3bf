"""The form of the Annotate page."""

from django import forms
from django.http import QueryDict

from feedback.annotation.answers import Answer
from feedback.pool.choices import DISPLAYED_CHOICES
from feedback.pool.judgment import RATIONALE_LIMIT
from feedback.web.forms import cleaned

ASPECT_PREFIX = "aspect:"


class AnswerForm(forms.Form):
    """What the decision bar and the longer form send."""

    choice = forms.ChoiceField(choices=[(value, value) for value in DISPLAYED_CHOICES])
    strength = forms.FloatField(required=False)
    rationale = forms.CharField(required=False, max_length=RATIONALE_LIMIT)
    duration_ms = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


def answer_of(data: QueryDict) -> Answer:
    """Return the answer in a form; raises InvalidError."""
    fields = cleaned(AnswerForm(data))
    prefix = len(ASPECT_PREFIX)
    aspects = {
        name[prefix:]: str(value)
        for name, value in data.items()
        if name.startswith(ASPECT_PREFIX) and value
    }
    reasons = tuple(map(str, data.getlist("reasons")))
    return Answer(aspects=aspects, reasons=reasons, **fields)
