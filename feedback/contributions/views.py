"""My contributions: history, change, private or public, withdrawal, download, leaving."""

import uuid
from collections.abc import Iterator
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
from feedback.contributions.selectors import (
    OWN_PAGE,
    holdings_in_use,
    own_judgment,
    own_judgments,
    own_totals,
)
from feedback.contributions.services import judgment_change, judgment_publish, names_are_known
from feedback.errors import InvalidError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.people.sign_in.accounts import has_account
from feedback.pool.choices import displayed_choice
from feedback.pool.models import Preference
from feedback.publication.holders import Held, Holders, Holdings, holders_of
from feedback.publication.services import judgment_withdraw
from feedback.quality.raters.selectors import quarantine_of


@never_cache
@require_GET
@contributor_required
def contributions_page(request: HttpRequest) -> HttpResponse:
    """Show the contributor's judgments, newest first, a page at a time."""
    contributor = contributor_of(request)
    try:
        before = uuid.UUID(request.GET["before"]) if "before" in request.GET else None
    except ValueError:
        before = None
    found, holdings = own_judgments(contributor, before), holdings_in_use(contributor)
    context = {
        "judgments": [_row(preference, holdings) for preference in found],
        "more": found[-1].id if len(found) == OWN_PAGE else None,
        "totals": own_totals(contributor, holdings),
        "anonymous": not has_account(contributor),
        "standing": quarantine_of(contributor),
    }
    return render(request, "contributions/contributions.html", context)


def _row(preference: Preference, holdings: Holdings) -> dict[str, Any]:
    return {
        "judgment": preference,
        "choice": displayed_choice(preference.choice, preference.order_shown or "ab"),
        "effects": holdings.of(Held.of(preference)).names(),
        "counts": preference.state == "active",
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@contributor_required
def change_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the prompt and both answers with the old choice marked, or why it is too late."""
    contributor = contributor_of(request)
    if request.method == "POST":
        displayed = request.POST.get("choice", "")
        judgment_change(public_id=public_id, contributor=contributor, displayed=displayed)
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
        "chosen": displayed_choice(preference.choice, order),
    }
    return render(request, "contributions/change.html", context)


@require_POST
@contributor_required
def visibility_set(request: HttpRequest, public_id: str) -> HttpResponse:
    """Make a judgment private or public."""
    public = request.POST.get("visibility") == "public"
    contributor = contributor_of(request)
    judgment_publish(public_id=public_id, contributor=contributor, public=public)
    message = (
        _("Public. It is published with the next ones.")
        if public
        else _("Private. It is out of the live data; models may still learn from it.")
    )
    messages.success(request, message)
    return redirect("contributions")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@contributor_required
def withdraw_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask once and say what holds the judgment; then withdraw it, and say what had held it."""
    contributor = contributor_of(request)
    if request.method == "POST":
        holders = judgment_withdraw(public_id=public_id, actor=contributor)
        withdrawn = _("Withdrawn. It is out of the live data.")
        messages.success(request, " ".join([withdrawn, *_held_before(holders)]))
        return redirect("contributions")
    preference = own_judgment(public_id=public_id, contributor=contributor)
    holders = holders_of([Held.of(preference)])
    context = {"public_id": public_id, "held": holders.names(), "unreadable": holders.unreadable}
    return render(request, "contributions/withdraw.html", context)


def _held_before(holders: Holders) -> Iterator[str]:
    """Yield what is to be said of those that held judgments which are withdrawn now."""
    if names := holders.names():
        yield _(
            "These already contained what you withdrew and cannot be recalled: %s."
        ) % ", ".join(names)
    if holders.unreadable:
        names = holders.unreadable
        yield _("The training data of these cannot be read any more: %s.") % ", ".join(names)


@never_cache
@require_GET
@contributor_required
def own_data_file(request: HttpRequest) -> HttpResponse:
    """Send all that is kept of the contributor, as one JSON file."""
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
    """Ask once what becomes of the judgments; then delete the account."""
    contributor = contributor_of(request)
    if request.method == "POST":
        choice = request.POST.get("judgments")
        if choice not in ("keep", "withdraw"):
            problem = _("Say what becomes of your judgments.")
            raise InvalidError({"judgments": problem}, problem)
        holders = account_close(contributor=contributor, withdraw=choice == "withdraw")
        logout(request)
        deleted = _("Your account is deleted.")
        messages.success(request, " ".join([deleted, *_held_before(holders)]))
        return redirect("/")
    context = {"anonymous": not has_account(contributor)}
    return render(request, "contributions/leave.html", context)
