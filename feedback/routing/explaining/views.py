"""The page of one decision: why these models."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.people.authentication import contributor_of, contributor_required
from feedback.routing.explaining.sentences import sentences
from feedback.routing.explaining.why import explain, prompts_like, route_find


@never_cache
@require_safe
@contributor_required
def why(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show why these models were chosen, to who asked and to operators."""
    route = route_find(viewer=contributor_of(request), public_id=public_id)
    found = explain(route)
    context = {
        "route": route,
        "found": found,
        "rows": [*found.chosen, *found.others],
        "sentences": sentences(found),
        "alike": prompts_like(route),
    }
    return render(request, "routing/why.html", context)
