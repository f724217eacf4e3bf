"""The fields that a contributor knows: campaigns that want one ask only those who do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from feedback.errors import InvalidError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.people.models import Contributor

FIELDS_LIMIT, FIELD_LENGTH = 20, 64


def expertise_set(*, contributor: Contributor, text: str) -> None:
    """Keep the fields of a text with commas between them."""
    fields = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    is_good = len(fields) <= FIELDS_LIMIT and all(
        len(field) <= FIELD_LENGTH and "\x00" not in field for field in fields
    )
    if not is_good:
        limits = {"fields": FIELDS_LIMIT, "letters": FIELD_LENGTH}
        message = _("At most %(fields)s fields of %(letters)s letters each.") % limits
        raise InvalidError({"expertise": message}, message)
    contributor.expertise = fields
    contributor.save(update_fields=["expertise"])


@require_POST
@contributor_required
def expertise(request: HttpRequest) -> HttpResponse:
    """Save what the form says."""
    expertise_set(contributor=contributor_of(request), text=request.POST.get("expertise", ""))
    return redirect("settings")
