"""My contributions: history, change, private or public, withdrawal, download, leaving."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from feedback.contributions.account_deletion import account_close
from feedback.contributions.download import own_data
from feedback.contributions.selectors import OWN_PAGE, own_judgments, own_totals
from feedback.contributions.services import (
    Effects,
    effects_of,
    judgment_change,
    judgment_publish,
    names_are_known,
    own_judgment,
)
from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.people.sign_in.accounts import has_account
from feedback.pool.choices import shown_choice
from feedback.pool.models import Preference
from feedback.publication.services import judgment_withdraw
from feedback.quality.selectors import standing_of


@never_cache
@require_GET
@contributor_required
def contributions_page(request: HttpRequest) -> HttpResponse:
    """The contributor's judgments, newest first, a page at a time."""
    contributor = contributor_of(request)
    try:
        before = uuid.UUID(request.GET["before"]) if "before" in request.GET else None
    except ValueError:
        before = None
    found, effects = own_judgments(contributor, before), effects_of(contributor)
    context = {
        "judgments": [_row(preference, effects) for preference in found],
        "more": found[-1].id if len(found) == OWN_PAGE else None,
        "totals": own_totals(contributor, effects),
        "anonymous": not has_account(contributor),
        "standing": standing_of(contributor),
    }
    return render(request, "contributions/contributions.html", context)


def _row(preference: Preference, effects: Effects) -> dict[str, Any]:
    return {
        "judgment": preference,
        "choice": shown_choice(preference.choice, preference.order_shown or "ab"),
        "effects": effects.of(preference),
        "counts": preference.state == "active",
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@contributor_required
def change_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """The prompt and both answers again, with the old choice marked; or why it is too late."""
    contributor = contributor_of(request)
    if request.method == "POST":
        shown = request.POST.get("choice", "")
        judgment_change(public_id=public_id, contributor=contributor, shown=shown)
        messages.success(request, _("Changed. The old judgment does not count any more."))
        return redirect("contributions")
    preference = own_judgment(public_id=public_id, contributor=contributor)
    comparison = preference.comparison
    answers = [one.text for one in (comparison.response_a, comparison.response_b) if one]
    order = preference.order_shown or "ab"
    context = {
        "judgment": preference,
        "too_late": names_are_known(preference) or preference.state != "active",
        "messages_shown": comparison.turn.messages,
        "answers": answers if order == "ab" else answers[::-1],
        "chosen": shown_choice(preference.choice, order),
    }
    return render(request, "contributions/change.html", context)


@require_POST
@contributor_required
def visibility_set(request: HttpRequest, public_id: str) -> HttpResponse:
    """Private or public."""
    public = request.POST.get("visibility") == "public"
    contributor = contributor_of(request)
    judgment_publish(public_id=public_id, contributor=contributor, public=public)
    said = (
        _("Public. It is published with the next ones.")
        if public
        else _("Private. It is out of the live data; models may still learn from it.")
    )
    messages.success(request, said)
    return redirect("contributions")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@contributor_required
def withdraw_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """Asks once, then withdraws."""
    contributor = contributor_of(request)
    if request.method == "POST":
        holders = judgment_withdraw(public_id=public_id, actor=contributor)
        held = [*holders.releases, *holders.checkpoints]
        said = _("Withdrawn. It is out of the live data.")
        if held:
            said += " " + _("These had held it and cannot be recalled: %s.") % ", ".join(held)
        messages.success(request, said)
        return redirect("contributions")
    preference = own_judgment(public_id=public_id, contributor=contributor)
    held = effects_of(contributor).of(preference)
    return render(request, "contributions/withdraw.html", {"public_id": public_id, "held": held})


@never_cache
@require_GET
@contributor_required
def own_data_file(request: HttpRequest) -> HttpResponse:
    """Everything that is kept of the contributor, as one JSON file."""
    name = "feedback-commons.json"
    return JsonResponse(
        own_data(contributor_of(request)),
        json_dumps_params={"indent": 1, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@contributor_required
def leave_page(request: HttpRequest) -> HttpResponse:
    """Asks once what becomes of the judgments, then deletes the account."""
    contributor = contributor_of(request)
    if request.method == "POST":
        choice = request.POST.get("judgments")
        if choice not in ("keep", "withdraw"):
            raise ApplicationError("invalid", _("Say what becomes of your judgments."))
        account_close(contributor=contributor, withdraw=choice == "withdraw")
        logout(request)
        messages.success(request, _("Your account is deleted."))
        return redirect("/")
    context = {"anonymous": not has_account(contributor)}
    return render(request, "contributions/leave.html", context)
