"""The pages of quality, for curators and operators."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from feedback.campaigns.models import Campaign
from feedback.errors import ApplicationError, NotFoundError
from feedback.people.authentication import contributor_of, curator_required
from feedback.people.models import Rater
from feedback.pool.models import Choice
from feedback.quality.models import RaterReliability, StandingState
from feedback.quality.page_selectors import (
    agreement_lines,
    agreement_of_all,
    concerns_by_day,
    gold_lines,
    human_ai,
    rater_find,
    raters_by_concern,
    set_aside,
    signal_details,
)
from feedback.quality.quarantine import standing_release, standing_set


@never_cache
@require_GET
@curator_required
def quality(request: HttpRequest) -> HttpResponse:
    """Agreement, known answers, raters by concern, and when concerns came up."""
    slug = request.GET.get("campaign", "")
    campaign = Campaign.objects.filter(slug=slug).first() if slug else None
    if slug and campaign is None:
        raise Http404(_("There is no such campaign."))
    lines = agreement_lines(campaign)
    raters = raters_by_concern()
    context = {
        "campaign": campaign,
        "campaigns": Campaign.objects.order_by("name"),
        "lines": lines,
        "overall": agreement_of_all(lines),
        "human_ai": human_ai(campaign),
        "gold": gold_lines(campaign),
        "raters": raters,
        "concerned": sum(bool(line.concerns) for line in raters),
        "aside": set_aside().count(),
        "days": concerns_by_day(),
    }
    return render(request, "quality/quality.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def rater_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """One rater: every signal with its evidence, and what a curator may decide."""
    try:
        rater = rater_find(public_id)
    except NotFoundError as error:
        raise Http404(error.message) from error
    problem = None
    if request.method == "POST":
        try:
            _decide(request, rater)
            return redirect("rater", public_id)
        except ApplicationError as error:
            problem = error
    known = RaterReliability.objects.filter(rater=rater).first()
    context = {
        "rater": rater,
        "standing": getattr(rater, "standing", None),
        "known": known,
        "matrix": list(zip(Choice.labels, known.confusion, strict=True))
        if known and known.confusion
        else [],
        "signals": signal_details(rater),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "quality/rater.html", context, status=problem.status if problem else 200)


def _decide(request: HttpRequest, rater: Rater) -> None:
    actor, action = contributor_of(request), request.POST.get("action", "")
    if action == "release":
        standing_release(rater=rater, actor=actor)
        return
    if action not in StandingState.values:
        raise ApplicationError("invalid", _("This cannot be decided here."))
    standing_set(
        rater=rater,
        state=StandingState(action),
        reason=request.POST.get("reason", ""),
        actor=actor,
    )
