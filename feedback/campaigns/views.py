"""The operator's page of campaigns."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from feedback.campaigns.models import CampaignState
from feedback.campaigns.selectors import (
    campaign_by_slug,
    campaigns_with_progress,
    comparison_sources,
)
from feedback.campaigns.services import (
    DEFAULT_GUIDELINES,
    campaign_create,
    campaign_set_state,
)
from feedback.errors import ApplicationError, NotFoundError
from feedback.people.authentication import contributor_of, operator_required


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def campaigns(request: HttpRequest) -> HttpResponse:
    """All campaigns, and a form for another one."""
    problem = None
    if request.method == "POST":
        try:
            _create(request)
            return redirect("campaigns")
        except ApplicationError as error:
            problem = error
    context = {
        "campaigns": campaigns_with_progress(),
        "sources": comparison_sources(),
        "guidelines": DEFAULT_GUIDELINES,
        "form": request.POST,
        "problem": problem,
    }
    status = problem.status if problem else 200
    return render(request, "campaigns/campaigns.html", context, status=status)


@require_POST
@operator_required
def campaign_state(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause, reopen or close one."""
    state = request.POST.get("state", "")
    if state not in CampaignState.values:
        raise Http404("There is no such state.")
    try:
        campaign = campaign_by_slug(slug)
    except NotFoundError as error:
        raise Http404(error.message) from error
    campaign_set_state(campaign=campaign, state=CampaignState(state), actor=contributor_of(request))
    return redirect("campaigns")


def _create(request: HttpRequest) -> None:
    form = {name: str(value).strip() for name, value in request.POST.items()}
    campaign_create(
        slug=form.get("slug", ""),
        name=form.get("name", ""),
        overlap=_number("overlap", form.get("overlap") or "1") or 0,
        human_budget=_number("human_budget", form.get("human_budget", "")),
        source=form.get("source", ""),
        aspects=[part.strip() for part in form.get("aspects", "").split(",") if part.strip()],
        guidelines=form.get("guidelines") or DEFAULT_GUIDELINES,
    )


def _number(field: str, text: str) -> int | None:
    """A whole number, or None where the field was left empty."""
    if text and not (text.isascii() and text.isdecimal() and len(text) < 10):
        problem = {field: "A whole number, please."}
        raise ApplicationError("invalid", "This campaign cannot be made.", fields=problem)
    return int(text) if text else None
