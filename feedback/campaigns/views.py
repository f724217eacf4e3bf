"""The operator's pages of campaigns."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback.campaigns.forms import CreateForm, EditForm
from feedback.campaigns.models import Campaign, CampaignState
from feedback.campaigns.selectors import campaign_by_slug, campaigns_with_progress
from feedback.campaigns.services import (
    DEFAULT_GUIDELINES,
    campaign_create,
    campaign_edit,
    campaign_set_state,
)
from feedback.errors import ApplicationError, NotFoundError
from feedback.people.authentication import contributor_of, operator_required
from feedback.web.forms import add_problems

FORM = "campaigns/form.html"
FORM_NAMES = {"gold_share": "gold_percent"}


@require_safe
@operator_required
def campaigns(request: HttpRequest) -> HttpResponse:
    """Show all campaigns, and how far each has come."""
    return render(request, "campaigns/campaigns.html", {"campaigns": campaigns_with_progress()})


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def campaign_new(request: HttpRequest) -> HttpResponse:
    """Make a campaign of what a form says."""
    if request.method != "POST":
        form = CreateForm(initial={"guidelines": DEFAULT_GUIDELINES})
        return _page(request, form)
    form = CreateForm(request.POST)
    if form.is_valid():
        try:
            campaign_create(**form.cleaned_data)
            return redirect("campaigns")
        except ApplicationError as error:
            add_problems(form, error, FORM_NAMES)
    return _page(request, form, status=400)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def campaign_change(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what a campaign asks."""
    campaign = campaign_by_slug(slug)
    if request.method != "POST":
        return _page(request, EditForm.of(campaign), campaign)
    form = EditForm(request.POST)
    if form.is_valid():
        try:
            campaign_edit(campaign=campaign, actor=contributor_of(request), **form.cleaned_data)
            return redirect("campaigns")
        except ApplicationError as error:
            add_problems(form, error, FORM_NAMES)
    return _page(request, form, campaign, status=400)


@require_POST
@operator_required
def campaign_state(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause, reopen or close a campaign."""
    campaign, state = campaign_by_slug(slug), request.POST.get("state", "")
    if state not in CampaignState.values:
        raise NotFoundError("no_state", _("There is no such state."))
    campaign_set_state(campaign=campaign, state=CampaignState(state), actor=contributor_of(request))
    return redirect("campaigns")


def _page(
    request: HttpRequest, form: EditForm, campaign: Campaign | None = None, status: int = 200
) -> HttpResponse:
    return render(request, FORM, {"form": form, "campaign": campaign}, status=status)
