"""What operators type into the pages of the registry; its services have the last word."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.registry.models import ModelVersion
from feedback.registry.selectors import provider_named
from feedback.registry.services import CallSettings
from feedback.web.forms import cleaned


class LimitForm(forms.Form):
    """How often a provider may be asked."""

    requests_per_minute = forms.IntegerField(
        required=False,
        error_messages={"invalid": gettext_lazy("Enter a whole number, or leave it empty.")},
    )


class ProviderForm(LimitForm):
    """A server that speaks the OpenAI-compatible API."""

    name = forms.CharField(required=False)
    base_url = forms.CharField(required=False)
    api_key_variable = forms.CharField(required=False)


class PriceForm(forms.Form):
    """What a million tokens cost; empty: not known."""

    input_price = forms.DecimalField(required=False, max_digits=12, decimal_places=4, localize=True)
    output_price = forms.DecimalField(
        required=False, max_digits=12, decimal_places=4, localize=True
    )


class CallSettingsForm(forms.Form):
    """How a version is called: by which provider, under which name, with which settings."""

    provider = forms.CharField(required=False)
    remote_name = forms.CharField(required=False)
    system_prompt = forms.CharField(required=False)
    sampling = forms.CharField(required=False)
    output_licence = forms.CharField(required=False)

    def clean_system_prompt(self) -> str:
        """Return the instructions with plain line ends, as every browser and the API send them."""
        return str(self.cleaned_data["system_prompt"]).replace("\r\n", "\n")

    def clean_sampling(self) -> dict[str, Any]:
        """Return the parameters of a call; empty is none."""
        try:
            found = json.loads(self.cleaned_data["sampling"] or "{}")
        except (ValueError, RecursionError):  # the latter of ten thousand brackets
            found = None
        if not isinstance(found, dict):
            raise forms.ValidationError(_('Enter a JSON object such as {"temperature": 0.7}.'))
        return found

    def call_settings(self) -> CallSettings:
        """Return the settings; raises InvalidError, and NotFoundError for an unknown provider."""
        fields = cleaned(self)
        return CallSettings(
            provider=provider_named(fields["provider"]),
            remote_name=fields["remote_name"],
            system_prompt=fields["system_prompt"],
            sampling=fields["sampling"],
            output_licence=fields["output_licence"],
        )


class FirstVersionForm(CallSettingsForm):
    """A model, beside how its first version is called."""

    name = forms.CharField(required=False)
    description = forms.CharField(required=False)
    topics = forms.CharField(required=False)

    def clean_topics(self) -> list[str]:
        """Return the names between the commas."""
        return [part.strip() for part in self.cleaned_data["topics"].split(",") if part.strip()]

    def model_fields(self) -> dict[str, Any]:
        """Return what is said of the model itself; raises InvalidError."""
        fields = cleaned(self)
        return {name: fields[name] for name in ("name", "description", "topics")}


def call_settings_typed(version: ModelVersion) -> dict[str, str]:
    """Return what the form of a version holds before anybody types."""
    return {
        "provider": str(version.provider or ""),
        "remote_name": version.remote_name,
        "system_prompt": version.system_prompt,
        "sampling": json.dumps(version.sampling) if version.sampling else "",
        "output_licence": version.output_licence,
    }
