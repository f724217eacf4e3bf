"""The form of a campaign, as operators fill it in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback.campaigns.models import Campaign, TaskOrder
from feedback.campaigns.selectors import comparison_languages, comparison_sources
from feedback.people.models import TrustTier
from feedback.registry.models import Topic


class WordsField(forms.CharField):
    """Several short texts, separated by commas."""

    separator = ","

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # words, not a text
        """Return the words that were given, without spaces around them."""
        parts = str(value or "").split(self.separator)
        return [part.strip() for part in parts if part.strip()]

    def prepare_value(self, value: Any) -> Any:
        """Return the words as one text again."""
        joint = f"{self.separator} " if self.separator == "," else self.separator
        return joint.join(value) if isinstance(value, list) else value


class LinesField(WordsField):
    """Several texts, one a line."""

    separator = "\n"
    widget = forms.Textarea


class EditForm(forms.Form):
    """What can be changed while a campaign runs."""

    name = forms.CharField(max_length=200, required=False)
    guidelines = forms.CharField(widget=forms.Textarea, required=False)
    overlap = forms.IntegerField(initial=1)
    aspects = WordsField(required=False)
    reasons = LinesField(required=False)
    asks_strength = forms.BooleanField(required=False)
    asks_rationale = forms.BooleanField(required=False)
    expertise = WordsField(required=False)
    minimum_tier = forms.TypedChoiceField(
        choices=TrustTier.choices, coerce=int, required=False, empty_value=None
    )
    order = forms.ChoiceField(choices=TaskOrder.choices, required=False)
    gold_percent = forms.FloatField(min_value=0, max_value=100, initial=10, required=False)

    @classmethod
    def of(cls, campaign: Campaign) -> "EditForm":
        """Return the form with what the campaign says now."""
        initial = {name: getattr(campaign, name, None) for name in cls.base_fields}
        return cls(initial=initial | {"gold_percent": f"{campaign.gold_share * 100:g}"})

    def clean(self) -> dict[str, Any]:
        """Return the fields of a campaign: a share, not a percentage; the usual order if none."""
        fields = {**self.cleaned_data}
        percent = fields.pop("gold_percent", None)
        fields["gold_share"] = 0.1 if percent is None else percent / 100
        fields["minimum_tier"] = fields.get("minimum_tier") or TrustTier.ANONYMOUS
        fields["order"] = fields.get("order") or TaskOrder.SHUFFLED
        return fields


class CreateForm(EditForm):
    """What is said once: which comparisons, under which address, with which budget."""

    slug = forms.CharField(max_length=100)
    source = forms.ChoiceField(required=False)
    topic = forms.ModelChoiceField(
        Topic.objects.order_by("slug"), required=False, empty_label=_("any")
    )
    language = forms.ChoiceField(required=False)
    human_budget = forms.IntegerField(required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, first, values in (
            ("source", _("everywhere"), comparison_sources()),
            ("language", _("any"), comparison_languages()),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", first), *((value, value) for value in values)]
