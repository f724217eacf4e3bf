"""Terms, settings, the operator's one-time link, and leaving."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from feedback.pages import next_url
from feedback.people.models import Contributor
from feedback.people.preferences import PREFERENCES, YEAR_SECONDS, preferences_of
from feedback.people.selectors import current_consent, operator_link_is_open
from feedback.people.services import consent_give, contributor_create, operator_link_use


def visitor_of(request: HttpRequest) -> Contributor:
    """The contributor behind this browser, agreed to the terms; made where there is none yet."""
    user = request.user
    contributor = (
        user
        if isinstance(user, Contributor)
        else contributor_create(locale=get_language() or settings.LANGUAGE_CODE)
    )
    if current_consent(contributor) is None:
        consent_give(contributor=contributor)
    return contributor


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def terms(request: HttpRequest) -> HttpResponse:
    """Three sentences and one button; agreeing makes an anonymous contributor."""
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
def operator_link(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm, then become the operator. Looking at the link does not use it up."""
    if request.method == "POST":
        with transaction.atomic():
            contributor = visitor_of(request)
            operator_link_use(token=token, contributor=contributor)
        login(request, contributor)
        return redirect("runs")
    is_open = operator_link_is_open(token)
    status = 200 if is_open else 404
    return render(request, "people/operator.html", {"is_open": is_open}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def visitor_settings(request: HttpRequest) -> HttpResponse:
    """How this browser shows the pages; saving keeps what the form names in cookies."""
    if request.method == "POST":
        return _settings_save(request)
    usual = {name: values[0] for name, values in PREFERENCES.items()}
    chosen = usual | preferences_of(request.COOKIES)
    return render(request, "people/settings.html", {"chosen": chosen})


def _settings_save(request: HttpRequest) -> HttpResponse:
    response = redirect(next_url(request, default=request.path))
    for name, allowed in PREFERENCES.items():
        if (value := request.POST.get(name, "")) in allowed:
            response.set_cookie(
                name,
                value,
                max_age=YEAR_SECONDS,
                samesite="Lax",
                secure=request.is_secure(),
                httponly=True,
            )
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave this browser; an anonymous contributor is told what that means first."""
    if request.method == "POST":
        logout(request)
        return redirect("/")
    return render(request, "people/sign_out.html")
