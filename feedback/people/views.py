"""The terms, and signing out."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from feedback.errors import ForbiddenError
from feedback.people.models import Contributor
from feedback.people.rate_limits.throttling import newcomer_take
from feedback.people.selectors import current_consent, sign_up_is_open
from feedback.people.services import consent_give, contributor_create
from feedback.people.sign_in.accounts import has_account
from feedback.web.http import next_url

BY_INVITATION = gettext_lazy("This site is by invitation. Ask its operator for a link.")


def visitor_of(request: HttpRequest, *, invited: bool = False) -> Contributor:
    """Return this browser's contributor, agreed to the terms; made where there is none yet."""
    user = request.user
    if isinstance(user, Contributor):
        contributor = user
    else:
        if not (invited or sign_up_is_open()):
            raise ForbiddenError("by_invitation", str(BY_INVITATION))
        newcomer_take(request)
        contributor = contributor_create(locale=get_language() or settings.LANGUAGE_CODE)
    if current_consent(contributor) is None:
        consent_give(contributor=contributor)
    return contributor


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def terms(request: HttpRequest) -> HttpResponse:
    """Show three sentences and one button; agreeing makes an anonymous contributor."""
    target = next_url(request, default="/")
    if request.method == "POST":
        with transaction.atomic():
            contributor = visitor_of(request)
        login(request, contributor)
        return HttpResponseRedirect(target)
    user = request.user
    agreed = current_consent(user) if isinstance(user, Contributor) else None
    return render(request, "people/terms.html", {"next": target, "agreed": agreed})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave this browser; an anonymous contributor is told what that means first."""
    if request.method == "POST":
        logout(request)
        return redirect("/")
    user = request.user
    anonymous = isinstance(user, Contributor) and not has_account(user)
    return render(request, "people/sign_out.html", {"anonymous": anonymous})
