"""The gold items of a campaign, for curators and operators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from feedback.campaigns.models import Campaign
from feedback.campaigns.selectors import campaign_by_slug
from feedback.database.lookup import get_or_not_found
from feedback.errors import NotFoundError
from feedback.people.authentication import contributor_of, curator_required
from feedback.people.models import Contributor
from feedback.pool.choices import CHOICE_LABELS, displayed_choice, stored_choice
from feedback.pool.models import Comparison, Order
from feedback.quality.gold.forms import GoldForm
from feedback.quality.gold.selectors import candidate_find, gold_candidates, gold_items
from feedback.quality.gold.services import gold_remove, gold_set


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def gold(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the gold items of a campaign; make, change or remove one."""
    campaign = campaign_by_slug(slug)
    sent = request.POST if request.method == "POST" else request.GET
    chosen = candidate_find(campaign, sent.get("comparison", ""))
    form = GoldForm(request.POST or None, initial=_known(campaign, chosen))
    if request.method == "POST":
        if chosen is None:
            raise NotFoundError("no_comparison", _("There is no such comparison."))
        actor = contributor_of(request)
        if "remove" in request.POST:
            _remove(campaign, chosen, actor)
            return redirect("gold", slug)
        if form.is_valid():
            _set(campaign, chosen, form, actor)
            return redirect("gold", slug)
    words = request.GET.get("q", "").strip()
    context = {
        "campaign": campaign,
        "items": [
            (item, CHOICE_LABELS[displayed_choice(item.choice, Order.AB)])
            for item in gold_items(campaign)
        ],
        "chosen": chosen,
        "form": form,
        "q": words,
        "found": gold_candidates(campaign, words),
    }
    return render(request, "quality/gold.html", context, status=400 if form.errors else 200)


def _set(campaign: Campaign, comparison: Comparison, form: GoldForm, actor: Contributor) -> None:
    fields = form.cleaned_data | {"choice": stored_choice(form.cleaned_data["choice"], Order.AB)}
    gold_set(campaign=campaign, comparison=comparison, actor=actor, **fields)


def _remove(campaign: Campaign, comparison: Comparison, actor: Contributor) -> None:
    message = _("There is no such comparison.")
    known = get_or_not_found(
        gold_items(campaign), "no_comparison", message, comparison_id=comparison.pk
    )
    gold_remove(gold=known, actor=actor)


def _known(campaign: Campaign, comparison: Comparison | None) -> dict[str, str]:
    """Return what the form starts with: the answer as it is known so far."""
    item = gold_items(campaign).filter(comparison=comparison).first()
    if item is None:
        return {}
    choice = displayed_choice(item.choice, Order.AB)
    return {"choice": choice, "mode": item.mode, "explanation": item.explanation}
