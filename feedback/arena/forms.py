"""The forms of the arena."""

from typing import Any

from django import forms
from django.http import QueryDict

from feedback.errors import ApplicationError
from feedback.pool.shown import SHOWN_CHOICES

MESSAGE_LIMIT = 20_000  # characters


class MessageForm(forms.Form):
    """What a person asks."""

    text = forms.CharField(
        max_length=MESSAGE_LIMIT,
        error_messages={
            "required": "Write a message first.",
            "max_length": f"A message has at most {MESSAGE_LIMIT:,} characters.",
            "null_characters_not_allowed": "A message cannot hold a NUL character.",
        },
    )


class ChoiceForm(forms.Form):
    """What the decision bar sends."""

    choice = forms.ChoiceField(choices=[(value, value) for value in SHOWN_CHOICES])
    duration_ms = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


def message_of(data: QueryDict) -> str:
    """The text that was sent, with plain line ends; an error in words where there is none."""
    form = MessageForm(data)
    if not form.is_valid():
        raise _invalid(form)
    return str(form.cleaned_data["text"]).replace("\r\n", "\n")


def choice_of(data: QueryDict) -> dict[str, Any]:
    """The choice by place, and how long it took."""
    form = ChoiceForm(data)
    if not form.is_valid():
        raise _invalid(form)
    return form.cleaned_data


def _invalid(form: forms.Form) -> ApplicationError:
    fields: dict[str, Any] = {
        name: " ".join(str(text) for text in texts) for name, texts in form.errors.items()
    }
    return ApplicationError("invalid", " ".join(fields.values()), fields=fields)
