"""The Data page."""

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from feedback.errors import ApplicationError
from feedback.people.models import RaterKind
from feedback.pool.publication_sequence import last_number
from feedback.publication.encoding import ENCODERS
from feedback.publication.query import export_query
from feedback.publication.selectors import counters, preview, releases
from feedback.publication.shapes import SHAPES
from feedback.registry.models import Topic
from feedback.web.http import HtmxRequest, page_or_part

PREVIEW_TEXT = 120  # characters of a text that a preview shows


@require_GET
def data_page(request: HtmxRequest) -> HttpResponse:
    """Show counters, the export builder with a preview, and releases."""
    chosen = {key: value for key, value in request.GET.dict().items() if value}
    context: dict[str, Any] = {
        "counters": counters(),
        "shapes": SHAPES.values(),
        "formats": list(ENCODERS),
        "rater_kinds": RaterKind.choices,
        "topics": Topic.objects.order_by("name"),
        "chosen": {"shape": "preferences", "format": "jsonl"} | chosen,
        "releases": releases(),
    }
    try:
        query = export_query(chosen, until=last_number())
        context["shape"] = SHAPES[query.shape]
        context["rows"] = [_shortened(row) for row in preview(query)]
        context["link"] = "?".join(filter(None, [reverse("export"), urlencode(chosen)]))
        context["url"] = request.build_absolute_uri(context["link"])
        context["file"] = f"{query.shape}.{query.format}"
    except ApplicationError as error:
        context["problem"] = error
    return render(request, page_or_part(request, "publication/data.html", "export"), context)


def _shortened(row: dict[str, Any]) -> str:
    """Return a row as JSON with its long texts cut."""

    def cut(value: Any) -> Any:
        if isinstance(value, str) and len(value) > PREVIEW_TEXT:
            return value[:PREVIEW_TEXT] + "…"
        if isinstance(value, list):
            return [cut(item) for item in value]
        if isinstance(value, dict):
            return {key: cut(item) for key, item in value.items()}
        return value

    return json.dumps(cut(row), ensure_ascii=False, default=str)
