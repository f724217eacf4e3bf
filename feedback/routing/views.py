"""The operators' page of the router: who is shown how often, thresholds, and every decision."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.errors import ApplicationError
from feedback.people.authentication import operator_required
from feedback.registry.health import well_versions
from feedback.routing.explaining.decision_log import (
    USED,
    chosen_labels,
    log_page,
    policies_known,
    summary,
)
from feedback.routing.explaining.evaluation import evaluations_shown
from feedback.routing.explaining.sentences import FALLBACKS, fallback_sentence
from feedback.routing.posterior import live_embedding
from feedback.routing.thresholds.selectors import thresholds_list

LONGEST_FILTER = 64  # letters, as many as a policy or a reason of the log has


@never_cache
@require_safe
@operator_required
def router(request: HttpRequest) -> HttpResponse:
    """Show who is shown how often and why, the thresholds, and every decision."""
    return router_page(request)


def router_page(
    request: HttpRequest,
    *,
    problem: ApplicationError | None = None,
    form: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return the page; after a refused form with its `problem` and what was typed into it."""
    asked = {name: _asked(request, name) for name in ("policy", "fallback", "before")}
    page = log_page(**asked)
    found = summary()
    context = {
        "embedding": live_embedding(),
        "summary": found,
        "reasons": [(each, fallback_sentence(each), n) for each, n in found.reasons if each],
        "evaluations": evaluations_shown(),
        "log": [(row, chosen_labels(row), fallback_sentence(row.fallback)) for row in page.rows],
        "before": page.before,
        "asked": asked,
        "policies": policies_known(),
        "fallbacks": [(USED, _("The prompt was used")), *FALLBACKS.items()],
        "thresholds": thresholds_list(),
        "versions": well_versions().order_by("label"),
        "problem": problem,
        "form": form or {},
    }
    return render(
        request, "routing/router.html", context, status=problem.status if problem else 200
    )


def _asked(request: HttpRequest, name: str) -> str:
    """Return a filter of the address; no text of the database holds a NUL."""
    return request.GET.get(name, "").replace("\x00", "")[:LONGEST_FILTER]
