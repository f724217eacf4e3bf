"""The page of one rater, for curators and operators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, curator_required
from feedback.people.models import Contributor, Rater
from feedback.quality.models import RaterReliability, StandingState
from feedback.quality.raters.forms import LEAVE_TO_RULES, DecisionForm
from feedback.quality.raters.quarantine import quarantine_leave_to_rules, quarantine_set
from feedback.quality.raters.selectors import finding_details, rater_find
from feedback.web.forms import add_problems
from trainers.statistics.consensus import CLASSES


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@curator_required
def rater_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show what each check found, with its evidence, and take what a curator decides."""
    rater = rater_find(public_id)
    form = DecisionForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _decide(form, rater, contributor_of(request)):
        return redirect("rater", public_id)
    known = RaterReliability.objects.filter(rater=rater).first()
    confusion = known.confusion if known else []
    context = {
        "rater": rater,
        "standing": getattr(rater, "standing", None),
        "known": known,
        "matrix": list(zip(CLASSES, confusion, strict=True)) if confusion else [],
        "signals": finding_details(rater),
        "problem": " ".join(str(text) for texts in form.errors.values() for text in texts),
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "quality/rater.html", context, status=400 if form.errors else 200)


def _decide(form: DecisionForm, rater: Rater, actor: Contributor) -> bool:
    """Do what the form says; return whether it was done, or else the form says why not."""
    action, reason = form.cleaned_data["action"], form.cleaned_data["reason"]
    if action == LEAVE_TO_RULES:
        quarantine_leave_to_rules(rater=rater, actor=actor)
        return True
    try:
        quarantine_set(rater=rater, state=StandingState(action), reason=reason, actor=actor)
    except ApplicationError as error:
        add_problems(form, error)
        return False
    return True
