"""The known answers of a campaign, for curators and operators."""

from django import forms
from django.contrib.postgres.search import SearchQuery
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from feedback.campaigns.models import Campaign, GoldItem, GoldMode
from feedback.people.authentication import contributor_of, curator_required
from feedback.pool.choices import CHOICE_LABELS, displayed_choice, stored_choice
from feedback.pool.models import Comparison, Order, Turn
from feedback.pool.search import CONFIG, prompt_words
from feedback.quality.gold.services import gold_remove, gold_set

SHOWN = 20  # comparisons to choose from; a search finds the others
EXPLANATION_LIMIT = 2000


class GoldForm(forms.Form):
    """The right answer to a comparison, in the order in which the page shows it."""

    choice = forms.ChoiceField(choices=list(CHOICE_LABELS.items()), label=gettext_lazy("Right"))
    mode = forms.ChoiceField(choices=GoldMode.choices, label=gettext_lazy("Mode"))
    explanation = forms.CharField(
        required=False,
        max_length=EXPLANATION_LIMIT,
        label=gettext_lazy("Explanation"),
        widget=forms.Textarea({"rows": 3, "dir": "auto"}),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def gold(request: HttpRequest, slug: str) -> HttpResponse:
    """What is known, and one more made of a comparison of the campaign."""
    campaign = get_object_or_404(Campaign, slug=slug)
    sent = request.POST if request.method == "POST" else request.GET
    chosen = _chosen(campaign, sent.get("comparison", ""))
    form = GoldForm(request.POST or None, initial=_known(campaign, chosen))
    if request.method == "POST":
        if chosen is None:
            raise Http404(_("There is no such comparison."))
        if _done(request, campaign, chosen, form):
            return redirect("gold", slug)
    words = request.GET.get("q", "").strip()
    context = {
        "campaign": campaign,
        "items": [
            (item, CHOICE_LABELS[displayed_choice(item.choice, Order.AB)])
            for item in _items(campaign)
        ],
        "chosen": chosen,
        "form": form,
        "q": words,
        "found": _found(campaign, words),
    }
    return render(request, "quality/gold.html", context, status=400 if form.errors else 200)


def _done(request: HttpRequest, campaign: Campaign, chosen: Comparison, form: GoldForm) -> bool:
    actor = contributor_of(request)
    if "remove" in request.POST:
        known = get_object_or_404(GoldItem, campaign=campaign, comparison=chosen)
        gold_remove(gold=known, actor=actor)
        return True
    if not form.is_valid():
        return False
    fields = form.cleaned_data | {"choice": stored_choice(form.cleaned_data["choice"], Order.AB)}
    gold_set(campaign=campaign, comparison=chosen, actor=actor, **fields)
    return True


def _chosen(campaign: Campaign, public_id: str) -> Comparison | None:
    """The comparison that was asked for, if it is one of the campaign's."""
    if not public_id or "\x00" in public_id:
        return None
    found = _comparisons(campaign).filter(public_id=public_id).first()
    if found is None:
        raise Http404(_("There is no such comparison."))
    return found


def _known(campaign: Campaign, chosen: Comparison | None) -> dict[str, str]:
    item = GoldItem.objects.filter(campaign=campaign, comparison=chosen).first()
    if item is None:
        return {}
    choice = displayed_choice(item.choice, Order.AB)
    return {"choice": choice, "mode": item.mode, "explanation": item.explanation}


def _comparisons(campaign: Campaign) -> QuerySet[Comparison]:
    of_campaign = Comparison.objects.filter(tasks__campaign=campaign, response_a__isnull=False)
    return of_campaign.select_related("turn", "response_a", "response_b").order_by("-id")


def _items(campaign: Campaign) -> QuerySet[GoldItem]:
    items = GoldItem.objects.filter(campaign=campaign).order_by("-created_at")
    return items.select_related("comparison__turn")


def _found(campaign: Campaign, words: str) -> list[Comparison]:
    """The newest comparisons whose answer is not known yet, and whose prompt holds the words."""
    found = _comparisons(campaign).filter(tasks__campaign=campaign, tasks__is_gold=False)
    found = found.filter(withheld_at=None)
    if words and "\x00" not in words:
        asked = SearchQuery(words, config=CONFIG, search_type="websearch")
        found = found.filter(turn__in=Turn.objects.alias(words=prompt_words()).filter(words=asked))
    return list(found.distinct()[:SHOWN])
