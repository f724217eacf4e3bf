"""The Annotate page: one task at a time, judged, skipped, or judged anew."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from feedback.annotation.forms import answer_of
from feedback.annotation.presentation import (
    differences_context,
    lesson_context,
    more_context,
    revision_context,
    task_context,
)
from feedback.annotation.selectors import (
    UNDO_OVER,
    assignment_find,
    assignment_shown,
    campaign_find,
    judged_today,
    judgment_of,
    said_of,
)
from feedback.annotation.services import (
    LIVE_LIMIT,
    assignment_lease,
    assignment_renew,
    assignment_revise,
    assignment_skip,
    assignment_submit,
    assignment_take_again,
    is_fresh,
    may_undo,
)
from feedback.campaigns.models import Assignment, Campaign
from feedback.errors import ApplicationError, ConflictError, NotFoundError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.pool.choices import CHOICE_LABELS

PAGE, FRAGMENT = "annotation/annotate.html", "annotation/swap.html"
SAVED = gettext_lazy("Saved: %(choice)s.")
JUDGED_ALREADY = gettext_lazy(
    "You have judged this already, in another window perhaps; this counts: %(choice)s."
)
PUT_BACK = gettext_lazy("Skipped. You will not see this one again.")


@never_cache
@require_GET
@contributor_required
def annotate(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """The next task, and what became of the one before."""
    campaign = campaign_find(slug) if slug else None
    assignment = assignment_lease(contributor=contributor_of(request), campaign=campaign)
    context = task_context(request, assignment=assignment, campaign=campaign)
    return render(request, PAGE, context | _what_became(request))


def _what_became(request: HttpRequest) -> dict[str, Any]:
    """The sentence about the judgment that brought the visitor here, read from the database."""
    for name in ("saved", "lost", "skipped"):
        if token := request.GET.get(name):
            break
    else:
        return {}
    if name == "skipped":
        return {"said": PUT_BACK}
    try:
        before = assignment_find(contributor=contributor_of(request), token=token)
    except ApplicationError:
        return {"lost": token} if name == "lost" else {}
    judgment = judgment_of(before)
    if judgment is None:
        return {"lost": before.token}
    saved = SAVED if name == "saved" else JUDGED_ALREADY
    lesson = lesson_context(judgment)
    undo = {"undo": before.token} if not lesson and is_fresh(judgment) else {}
    return {"said": saved % {"choice": said_of(judgment)}, **lesson, **undo}


@require_POST
@contributor_required
def next_task(request: HttpRequest) -> HttpResponse:
    """One more task beside those the page has: the fragment that is shown after this one."""
    campaign = _stay(request)
    assignment = assignment_lease(
        contributor=contributor_of(request),
        campaign=campaign,
        besides=request.POST.getlist("held"),
    )
    context = task_context(request, assignment=assignment, campaign=campaign)
    return render(request, "annotation/task.html", context)


@require_POST
@contributor_required
def judge(request: HttpRequest) -> HttpResponse:
    """Save a judgment; the script gets a receipt, a form the next task."""
    token = request.POST.get("assignment", "")
    write = assignment_revise if request.POST.get("revise") else assignment_submit
    try:
        judgment, created = write(
            contributor=contributor_of(request),
            token=token,
            answer=answer_of(request.POST),
            idempotency_key=request.POST.get("key", ""),
        )
    except ConflictError as error:
        return _not_saved(request, token, error)
    if not _from_script(request):
        return _to_next(request, saved=token)
    lesson = lesson_context(judgment)
    is_open = not lesson and is_fresh(judgment)
    receipt = {
        "said": SAVED % {"choice": CHOICE_LABELS[request.POST["choice"]]},
        "undo": reverse("annotate_undo", args=[token]) if is_open else "",
        "lesson": render_to_string("annotation/lesson.html", lesson, request) if lesson else "",
        "today": judged_today(contributor_of(request)),
    }
    return JsonResponse(receipt, status=201 if created else 200)


def _not_saved(request: HttpRequest, token: str, error: ConflictError) -> HttpResponse:
    """Say what counts where the same task was judged before; else that the hold is lost."""
    if error.code not in ("lease_lost", "idempotency_conflict"):
        raise error
    if not _from_script(request):
        return _to_next(request, lost=token)
    if error.code == "lease_lost" and (words := _said_before(request, token)):
        said = JUDGED_ALREADY % {"choice": words}
        raise ConflictError("judged_already", said) from error
    raise error


def _said_before(request: HttpRequest, token: str) -> str:
    try:
        before = assignment_find(contributor=contributor_of(request), token=token)
    except ApplicationError:
        return ""
    judgment = judgment_of(before)
    return said_of(judgment) if judgment else ""


@require_POST
@contributor_required
def skip(request: HttpRequest) -> HttpResponse:
    """Put the task back and go on with the next."""
    token = request.POST.get("assignment", "")
    contributor = contributor_of(request)
    assignment_skip(contributor=contributor, token=token, reason=request.POST.get("reason", ""))
    if not request.headers.get("HX-Request"):
        return _to_next(request, skipped=token)
    campaign = _stay(request)
    assignment = assignment_lease(
        contributor=contributor, campaign=campaign, besides=request.POST.getlist("held")
    )
    context = task_context(request, assignment=assignment, campaign=campaign)
    return render(request, FRAGMENT, context | {"said": PUT_BACK})


@never_cache
@require_GET
@contributor_required
def undo(request: HttpRequest, token: str) -> HttpResponse:
    """The task that was judged, with the old choice marked; it counts until superseded."""
    assignment = assignment_find(contributor=contributor_of(request), token=token)
    judgment = judgment_of(assignment)
    if judgment is None:
        raise NotFoundError("nothing_to_undo", _("There is no judgment of this task to change."))
    if not may_undo(judgment):
        raise ConflictError("undo_over", _(UNDO_OVER))
    words = said_of(judgment)
    said = _("You judged: %(choice)s. It stays in effect until you choose again.") % {
        "choice": words
    }
    return _one_task(request, assignment, revision_context(assignment) | {"said": said})


@require_POST
@contributor_required
def more(request: HttpRequest) -> HttpResponse:
    """The longer form of a campaign that asks for more than the choice; saves nothing yet."""
    contributor = contributor_of(request)
    assignment = assignment_find(contributor=contributor, token=request.POST.get("assignment", ""))
    asked = more_context(assignment, request.POST.get("choice", ""))
    if request.headers.get("HX-Request"):
        return render(request, "annotation/more.html", asked)
    return _one_task(request, assignment, {**revision_context(assignment), **asked})


@never_cache
@require_GET
@contributor_required
def differences(request: HttpRequest, token: str) -> HttpResponse:
    """The two answers with the words marked that only one of them has."""
    assignment = assignment_find(contributor=contributor_of(request), token=token)
    context = differences_context(assignment_shown(assignment))
    if not _from_script(request):
        return _one_task(request, assignment, revision_context(assignment) | context)
    answers = render_to_string("annotation/answers.html", context, request)
    shown = {"said": context["said"], "answers": answers if "marked" in context else ""}
    return JsonResponse(shown)


def _one_task(request: HttpRequest, assignment: Assignment, extra: dict[str, Any]) -> HttpResponse:
    context = task_context(request, assignment=assignment, campaign=_stay(request))
    template = FRAGMENT if request.headers.get("HX-Request") else PAGE
    return render(request, template, context | extra)


@require_POST
@contributor_required
def take_again(request: HttpRequest) -> HttpResponse:
    """Hold a task again whose lease ran out; the page shows it first."""
    token = request.POST.get("again", "")
    assignment_take_again(contributor=contributor_of(request), token=token)
    return _to_next(request)


@require_POST
@contributor_required
def renew(request: HttpRequest) -> HttpResponse:
    """Keep the leases of an open page alive; which of them are lost."""
    lost = []
    for token in request.POST.getlist("held")[: 2 * LIVE_LIMIT]:
        try:
            assignment_renew(contributor=contributor_of(request), token=token)
        except ApplicationError:
            lost.append(token)
    return JsonResponse({"lost": lost})


def _stay(request: HttpRequest) -> Campaign | None:
    """The campaign that the visitor chose to stay in."""
    slug = request.POST.get("campaign") or request.GET.get("campaign")
    return campaign_find(slug) if slug else None


def _to_next(request: HttpRequest, **became: str) -> HttpResponse:
    campaign = _stay(request)
    url = reverse("annotate_campaign", args=[campaign.slug]) if campaign else reverse("annotate")
    return HttpResponseRedirect(f"{url}?{urlencode(became)}" if became else url, status=303)


def _from_script(request: HttpRequest) -> bool:
    return not request.accepts("text/html")
