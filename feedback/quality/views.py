"""The Quality page, for curators and operators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from feedback.campaigns.models import Campaign
from feedback.campaigns.selectors import campaign_by_slug
from feedback.people.authentication import curator_required
from feedback.quality.agreement.selectors import agreement_lines, agreement_of_all, human_ai
from feedback.quality.gold.selectors import gold_results
from feedback.quality.models import RaterStanding
from feedback.quality.raters.selectors import concerns_by_day, raters_by_concern


@never_cache
@require_GET
@curator_required
def quality(request: HttpRequest) -> HttpResponse:
    """Show agreement, gold items, raters by concern, and when concerns came up."""
    slug = request.GET.get("campaign", "")
    campaign = campaign_by_slug(slug) if slug else None
    lines = agreement_lines(campaign)
    raters = raters_by_concern()
    context = {
        "campaign": campaign,
        "campaigns": Campaign.objects.order_by("name"),
        "lines": lines,
        "overall": agreement_of_all(lines),
        "human_ai": human_ai(campaign),
        "gold": gold_results(campaign),
        "raters": raters,
        "concerned": sum(bool(line.concerns) for line in raters),
        "aside": RaterStanding.objects.quarantined().count(),
        "days": concerns_by_day(),
    }
    return render(request, "quality/quality.html", context)
