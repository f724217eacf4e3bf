"""The forms of the arena."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.arena.vocabulary import ASPECTS, FAULTS, MERITS, STRENGTHS
from feedback.errors import ApplicationError
from feedback.identifiers import ALPHABET, new_public_id
from feedback.pool.choices import DISPLAYED_CHOICES
from feedback.pool.judgment import RATIONALE_LIMIT
from feedback.pool.models import Mode
from feedback.pool.reactions import EDIT_LIMIT
from feedback.templatetags.ui import number

MESSAGE_LIMIT = 20_000  # characters
SHOWN_ASPECT = [(value, value) for value in ("1", "2", "tie")]


class MessageForm(forms.Form):
    """What a person asks."""

    text = forms.CharField(
        max_length=MESSAGE_LIMIT,
        error_messages={
            "required": gettext_lazy("Write a message first."),
            "null_characters_not_allowed": gettext_lazy(
                "A message cannot contain a NUL character."
            ),
        },
    )


class ChoiceForm(forms.Form):
    """What the decision bar sends."""

    choice = forms.ChoiceField(choices=[(value, value) for value in DISPLAYED_CHOICES])
    duration_ms = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class ExtrasForm(forms.Form):
    """What may be said beside a choice."""

    strength = forms.ChoiceField(required=False, choices=STRENGTHS)
    reasons = forms.MultipleChoiceField(required=False, choices=MERITS + FAULTS)
    rationale = forms.CharField(required=False, max_length=RATIONALE_LIMIT)
    helpful = forms.ChoiceField(required=False, choices=SHOWN_ASPECT)
    truthful = forms.ChoiceField(required=False, choices=SHOWN_ASPECT)
    harmless = forms.ChoiceField(required=False, choices=SHOWN_ASPECT)


class EditForm(forms.Form):
    """An answer as it should have been."""

    text = forms.CharField(required=False, max_length=EDIT_LIMIT, strip=False)


def message_of(data: QueryDict) -> str:
    """The text that was sent, with plain line ends; an error in words where there is none."""
    if len(data.get("text", "")) > MESSAGE_LIMIT:
        words = _("A message has at most %s characters.") % number(MESSAGE_LIMIT)
        raise ApplicationError("invalid", words, fields={"text": words})
    return str(_cleaned(MessageForm(data))["text"]).replace("\r\n", "\n")


def choice_of(data: QueryDict) -> dict[str, Any]:
    """The choice by place, and how long it took."""
    return _cleaned(ChoiceForm(data))


def extras_of(data: QueryDict) -> dict[str, Any]:
    """Strength, aspects by place, reasons and rationale; what was left open is not among them."""
    fields = _cleaned(ExtrasForm(data))
    strength = fields["strength"]
    return {
        "strength": float(strength) if strength else None,
        "aspects": {name: fields[name] for name, _words in ASPECTS if fields[name]},
        "reasons": fields["reasons"],
        "rationale": fields["rationale"].strip(),
    }


def edit_of(data: QueryDict) -> str:
    """The edited text, with plain line ends."""
    text = str(_cleaned(EditForm(data))["text"]).replace("\r\n", "\n")
    if not text.strip():
        words = _("An edited answer cannot be empty.")
        raise ApplicationError("invalid", words, fields={"text": words})
    return text


def mode_of(data: QueryDict) -> Mode:
    """Whether two models are asked, or one."""
    return Mode.ASSIST if data.get("mode") == Mode.ASSIST else Mode.DUEL


def topic_of(data: QueryDict) -> str:
    """The slug of the speciality that the models must have; empty: any model."""
    return str(data.get("topic", "")).replace("\x00", "")[:100]


def key_of(data: QueryDict) -> str:
    """The identifier that the form was made with, so that a form sent twice is one question."""
    key: str = data.get("key", "")
    return key if len(key) == 16 and set(key) <= set(ALPHABET) else new_public_id()


def _cleaned(form: forms.Form) -> dict[str, Any]:
    if form.is_valid():
        return form.cleaned_data
    fields: dict[str, Any] = {
        name: " ".join(str(text) for text in texts) for name, texts in form.errors.items()
    }
    raise ApplicationError("invalid", " ".join(fields.values()), fields=fields)
