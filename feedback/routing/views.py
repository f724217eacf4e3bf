"""Pages of routing: why a model was shown, and for operators the router with its log."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, contributor_required, operator_required
from feedback.registry.health import well_versions
from feedback.routing.explaining.decision_log import (
    USED,
    chosen_labels,
    log_page,
    policies_known,
    summary,
)
from feedback.routing.explaining.evaluation import evaluations_shown
from feedback.routing.explaining.sentences import FALLBACKS, fallback_words, sentences
from feedback.routing.explaining.why import explain, prompts_like, route_find
from feedback.routing.forms import threshold_fields
from feedback.routing.models import Threshold
from feedback.routing.posterior import live_embedding
from feedback.routing.thresholds.services import (
    threshold_calibrate,
    threshold_create,
    threshold_get,
    threshold_remove,
)


@never_cache
@require_safe
@contributor_required
def why(request: HttpRequest, public_id: str) -> HttpResponse:
    """Why these models: for who asked, and for operators."""
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


@never_cache
@require_safe
@operator_required
def router(request: HttpRequest) -> HttpResponse:
    """Who is shown how often and why, the thresholds, and every decision."""
    return _router(request)


@require_POST
@operator_required
def threshold_new(request: HttpRequest) -> HttpResponse:
    """A strong and a weak model under a name."""
    try:
        made = threshold_create(actor=contributor_of(request), **threshold_fields(request.POST))
    except ApplicationError as error:
        return _router(request, problem=error, form=request.POST)
    messages.success(request, _("%(name)s was added.") % {"name": made})
    return redirect("router")


@require_POST
@operator_required
def threshold_do(request: HttpRequest, name: str) -> HttpResponse:
    """Calibrate a threshold anew, or remove it."""
    actor = contributor_of(request)
    if request.POST.get("do") == "remove":
        threshold_remove(name=name, actor=actor)
        messages.success(request, _("%(name)s was removed.") % {"name": name})
    else:
        threshold_calibrate(threshold=threshold_get(name))
        messages.success(request, _("%(name)s was calibrated.") % {"name": name})
    return redirect("router")


def _router(
    request: HttpRequest, problem: ApplicationError | None = None, form: Any = None
) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in ("policy", "fallback", "before")}
    asked = {name: value.replace("\x00", "")[:64] for name, value in asked.items()}
    page = log_page(**asked)
    found = summary()
    context = {
        "embedding": live_embedding(),
        "summary": found,
        "reasons": [(each, fallback_words(each), n) for each, n in found.reasons if each],
        "evaluations": evaluations_shown(),
        "log": [(row, chosen_labels(row), fallback_words(row.fallback)) for row in page.rows],
        "before": page.before,
        "asked": asked,
        "policies": policies_known(),
        "fallbacks": [(USED, _("The prompt was used")), *FALLBACKS.items()],
        "thresholds": Threshold.objects.select_related("strong", "weak", "checkpoint").order_by(
            "name"
        ),
        "versions": well_versions().order_by("label"),
        "problem": problem,
        "form": form or {},
    }
    status = problem.status if problem else 200
    return render(request, "routing/router.html", context, status=status)
