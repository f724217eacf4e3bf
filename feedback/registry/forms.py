"""What operators type into the pages of the registry."""

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError
from feedback.registry.models import ModelVersion
from feedback.registry.selectors import provider_named
from feedback.registry.services import Asking


def provider_fields(data: QueryDict) -> dict[str, Any]:
    """A provider as the form gives it."""
    names = ("name", "base_url", "api_key_variable")
    fields: dict[str, Any] = {name: data.get(name, "").strip() for name in names}
    return fields | {"requests_per_minute": limit_of(data)}


def limit_of(data: QueryDict) -> int | None:
    """Requests a minute; None where the field is left empty."""
    text = data.get("requests_per_minute", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise _invalid("requests_per_minute", _("Enter a whole number, or leave it empty."))
    return int(text)


def price_of(data: QueryDict, name: str) -> Decimal | None:
    """The price of a million tokens; None where the field is left empty."""
    field = forms.DecimalField(required=False, max_digits=12, decimal_places=4, localize=True)
    try:
        price: Decimal | None = field.clean(data.get(name, "").strip())
    except forms.ValidationError as error:
        raise _invalid(name, " ".join(error.messages)) from error
    return price


def model_fields(data: QueryDict) -> dict[str, Any]:
    """A model as the form gives it, beside what its first version asks."""
    return {
        "name": data.get("name", "").strip(),
        "description": data.get("description", "").strip(),
        "topics": [part.strip() for part in data.get("topics", "").split(",") if part.strip()],
    }


def asking_fields(data: QueryDict) -> Asking:
    """What a version asks, as the form gives it."""
    return Asking(
        provider=provider_named(data.get("provider", "")),
        remote_name=data.get("remote_name", "").strip(),
        system_prompt=data.get("system_prompt", "").replace("\r\n", "\n").strip(),
        sampling=_sampling(data.get("sampling", "").strip()),
        output_licence=data.get("output_licence", "").strip(),
    )


def asking_shown(version: ModelVersion) -> dict[str, str]:
    """The form of a version as it is."""
    return {
        "provider": str(version.provider or ""),
        "remote_name": version.remote_name,
        "system_prompt": version.system_prompt,
        "sampling": json.dumps(version.sampling) if version.sampling else "",
        "output_licence": version.output_licence,
    }


def _sampling(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _invalid("sampling", _('Enter a JSON object such as {"temperature": 0.7}.'))
    return found


def _invalid(field: str, words: str) -> ApplicationError:
    message = _("Please correct the fields below.")
    return ApplicationError("invalid", message, fields={field: words})
