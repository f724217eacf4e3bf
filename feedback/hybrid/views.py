"""The operator's page of hybrid labelling."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from feedback.campaigns.models import Campaign
from feedback.database.lookup import get_or_not_found
from feedback.errors import ApplicationError
from feedback.hybrid.forms import BudgetForm
from feedback.hybrid.selectors import budget_status, budgeted_campaigns, next_for_people
from feedback.hybrid.services import budget_set
from feedback.people.authentication import contributor_of, operator_required
from feedback.people.models import Contributor
from feedback.quality.agreement.human_ai import agreement_by_judge, agreement_by_topic
from feedback.web.forms import add_problems


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def hybrid(request: HttpRequest) -> HttpResponse:
    """Show a campaign's human budget: what is spent, who is asked next, how far judges agree."""
    campaign = _chosen(request.GET.get("campaign", ""))
    if campaign is None:
        return render(request, "hybrid/hybrid.html", {"campaigns": []})
    form = BudgetForm(request.POST) if request.method == "POST" else BudgetForm.of(campaign)
    if form.is_valid() and _save(form, campaign, contributor_of(request)):
        return redirect(f"{reverse('hybrid')}?campaign={campaign.slug}")
    context = {
        "campaigns": budgeted_campaigns(),
        "campaign": campaign,
        "status": budget_status(campaign),
        "next": next_for_people(campaign),
        "agreements": [
            ("judge", agreement_by_judge(campaign)),
            ("topic", agreement_by_topic(campaign)),
        ],
        "form": form,
    }
    return render(request, "hybrid/hybrid.html", context, status=400 if form.errors else 200)


def _chosen(slug: str) -> Campaign | None:
    """Return the campaign that was asked for, or else the newest; None where there is none."""
    if not slug:
        return budgeted_campaigns().first()
    message = _("There is no campaign with a human budget of this name.")
    return get_or_not_found(budgeted_campaigns(), "no_campaign", message, slug=slug)


def _save(form: BudgetForm, campaign: Campaign, actor: Contributor) -> bool:
    """Set the budget; return whether it was set, or else the form says why not."""
    budget, explore = form.cleaned_data["human_budget"], form.cleaned_data["explore"]
    try:
        budget_set(campaign=campaign, human_budget=budget, explore_share=explore / 100, actor=actor)
    except ApplicationError as error:
        add_problems(form, error, {"explore_share": "explore"})
        return False
    return True
