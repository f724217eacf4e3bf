"""The operator's page of hybrid labelling."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from feedback.campaigns.models import Campaign
from feedback.errors import ApplicationError
from feedback.hybrid.selectors import budget_status, budgeted_campaigns, next_for_people
from feedback.hybrid.services import budget_set
from feedback.people.authentication import contributor_of, operator_required
from feedback.quality.agreement.human_ai import agreement_by_judge, agreement_by_topic


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def hybrid(request: HttpRequest) -> HttpResponse:
    """A campaign's human budget: what is spent, who is asked next, how far judges agree."""
    campaigns = list(budgeted_campaigns())
    campaign = _chosen(request, campaigns)
    if campaign is None:
        return render(request, "hybrid/hybrid.html", {"campaigns": []})
    problem = None
    if request.method == "POST":
        try:
            _save(request, campaign)
            return redirect(f"{reverse('hybrid')}?campaign={campaign.slug}")
        except ApplicationError as error:
            problem = error
            campaign.refresh_from_db()
    context = {
        "campaigns": campaigns,
        "campaign": campaign,
        "status": budget_status(campaign),
        "explore_percent": round(100 * campaign.explore_share),
        "next": next_for_people(campaign),
        "agreements": [
            ("judge", agreement_by_judge(campaign)),
            ("topic", agreement_by_topic(campaign)),
        ],
        "form": request.POST,
        "problem": problem,
    }
    return render(request, "hybrid/hybrid.html", context, status=problem.status if problem else 200)


def _chosen(request: HttpRequest, campaigns: list[Campaign]) -> Campaign | None:
    """The campaign that was asked for, or else the newest."""
    slug = request.GET.get("campaign", "")
    if not slug:
        return campaigns[0] if campaigns else None
    found = next((campaign for campaign in campaigns if campaign.slug == slug), None)
    if found is None:
        raise Http404(_("There is no campaign with a human budget of this name."))
    return found


def _save(request: HttpRequest, campaign: Campaign) -> None:
    budget, explore = (request.POST.get(name, "").strip() for name in ("human_budget", "explore"))
    fields = {}
    if not (budget.isascii() and budget.isdecimal()):
        fields["human_budget"] = _("Enter a whole number.")
    if not (explore.isascii() and explore.isdecimal()):
        fields["explore"] = _("Enter a whole number of per cent.")
    if fields:
        raise ApplicationError("invalid", _("The budget was not changed."), fields=fields)
    budget_set(
        campaign=campaign,
        human_budget=int(budget),
        explore_share=int(explore) / 100,
        actor=contributor_of(request),
    )
