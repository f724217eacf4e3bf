"""The Data page and a contributor's own judgments."""

import json
import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.people.models import RaterKind
from feedback.pool.models import Preference
from feedback.publication.query import FORMATS, SHAPES, export_query
from feedback.publication.selectors import OWN_PAGE, counters, own_judgments, preview, releases
from feedback.publication.services import due_publish, judgment_withdraw, last_number
from feedback.registry.models import Topic

PREVIEW_TEXT = 120  # characters of a text that a preview shows


@require_GET
def data_page(request: HttpRequest) -> HttpResponse:
    """Counters, the export builder with a preview, releases."""
    due_publish()
    chosen = {key: value for key, value in request.GET.dict().items() if value}
    context: dict[str, Any] = {
        "counters": counters(),
        "shapes": SHAPES,
        "formats": list(FORMATS),
        "rater_kinds": RaterKind.choices,
        "topics": Topic.objects.order_by("name"),
        "chosen": {"shape": "preferences", "format": "jsonl"} | chosen,
        "releases": releases(),
    }
    try:
        query = export_query(chosen, until=last_number())
        context["rows"] = [_shortened(row) for row in preview(query)]
        context["link"] = "?".join(filter(None, [reverse("export"), urlencode(chosen)]))
        context["url"] = request.build_absolute_uri(context["link"])
        context["file"] = f"{query.shape}.{query.format}"
    except ApplicationError as error:
        context["problem"] = error
    part = "#export" if request.headers.get("HX-Request") else ""
    return render(request, f"publication/data.html{part}", context)


def _shortened(row: dict[str, Any]) -> str:
    """A row as JSON with its long texts cut."""

    def cut(value: Any) -> Any:
        if isinstance(value, str) and len(value) > PREVIEW_TEXT:
            return value[:PREVIEW_TEXT] + "…"
        if isinstance(value, list):
            return [cut(item) for item in value]
        if isinstance(value, dict):
            return {key: cut(item) for key, item in value.items()}
        return value

    return json.dumps(cut(row), ensure_ascii=False, default=str)


@require_GET
@contributor_required
def contributions_page(request: HttpRequest) -> HttpResponse:
    """The contributor's judgments, newest first, a page at a time."""
    contributor = contributor_of(request)
    try:
        before = uuid.UUID(request.GET["before"]) if "before" in request.GET else None
    except ValueError:
        before = None
    found = own_judgments(contributor, before)
    own = Preference.objects.filter(rater__contributor=contributor)
    context = {
        "judgments": found,
        "more": found[-1].id if len(found) == OWN_PAGE else None,
        "total": own.filter(state="active").count(),
        "anonymous": contributor.name is None,
    }
    return render(request, "publication/contributions.html", context)


@require_http_methods(["GET", "POST"])
@contributor_required
def withdraw_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """Asks once, then withdraws."""
    if request.method == "POST":
        holders = judgment_withdraw(public_id=public_id, actor=contributor_of(request))
        held = [*holders.releases, *holders.checkpoints]
        said = _("Withdrawn. It is out of the live data.")
        if held:
            said += " " + _("These had held it and cannot be recalled: %s.") % ", ".join(held)
        messages.success(request, said)
        return redirect("contributions")
    return render(request, "publication/withdraw.html", {"public_id": public_id})
