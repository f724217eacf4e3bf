"""The form to report a text, and the curators' page."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback.errors import ApplicationError
from feedback.people.authentication import (
    contributor_of,
    contributor_required,
    curator_required,
)
from feedback.pool.moderation.models import ReportReason, ReportState
from feedback.pool.moderation.services import (
    TEXT_LIMIT,
    case_dismiss,
    case_find,
    case_reverse,
    case_uphold,
    cases,
    report_create,
)
from feedback.pool.selectors import response_find
from feedback.web.http import next_url

ACTIONS = {"uphold": case_uphold, "dismiss": case_dismiss, "restore": case_reverse}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@contributor_required
def report(request: HttpRequest, public_id: str) -> HttpResponse:
    """Let somebody report an answer, or the prompt that it answers."""
    response = response_find(public_id)
    problem, back = None, next_url(request, reverse("home"))
    if request.method == "POST":
        try:
            report_create(
                reporter=contributor_of(request),
                response=response,
                of_prompt=request.POST.get("what") == "prompt",
                reason=request.POST.get("reason", ""),
                text=request.POST.get("text", "").replace("\r\n", "\n").strip(),
            )
        except ApplicationError as error:
            problem = error
        else:
            messages.success(request, _("Thank you. A curator will look at it."))
            return redirect(back)
    context = {
        "response": response,
        "reasons": ReportReason.choices,
        "limit": TEXT_LIMIT,
        "next": back,
        "form": request.POST,
        "problem": problem,
    }
    status = problem.status if problem else 200
    return render(request, "moderation/report.html", context, status=status)


@never_cache
@require_safe
@curator_required
def reports(request: HttpRequest) -> HttpResponse:
    """Show what was reported and waits for a decision, and what is out of circulation."""
    context = {"waiting": cases(ReportState.OPEN), "withheld": cases(ReportState.UPHELD)}
    return render(request, "moderation/reports.html", context)


@require_POST
@curator_required
def report_decide(request: HttpRequest, report_id: uuid.UUID) -> HttpResponse:
    """Take a text out of circulation, leave it, or put it back."""
    decide = ACTIONS.get(request.POST.get("do", ""))
    if decide is None:
        raise Http404(_("There is no such decision."))
    decide(case=case_find(report_id), actor=contributor_of(request))
    return redirect("reports")
