"""What operators type into the page of the router."""

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from feedback.errors import ApplicationError
from feedback.registry.models import ModelVersion


def threshold_fields(data: QueryDict) -> dict[str, Any]:
    """A threshold as the form gives it; the share in per cent."""
    name, strong, weak, share = (
        data.get(field, "").strip() for field in ("name", "strong", "weak", "share")
    )
    if not (share.isascii() and share.isdecimal() and len(share) <= 3):
        words = _("Please correct the fields below.")
        fields = {"share": _("Enter a whole number of per cent.")}
        raise ApplicationError("invalid", words, fields=fields)
    return {
        "name": name,
        "strong": version_labelled("strong", strong),
        "weak": version_labelled("weak", weak),
        "share": int(share) / 100,
    }


def version_labelled(field: str, label: str) -> ModelVersion:
    """The version of that label; an error that names the field where there is none."""
    found = ModelVersion.objects.filter(label=label).first() if "\x00" not in label else None
    if found is None:
        fields = {field: _("There is no such model.")}
        raise ApplicationError("invalid", _("Please correct the fields below."), fields=fields)
    return found
