"""Settings: how this browser shows the pages, the language, and the keys of one's programs."""

import uuid

from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, get_language_info
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from feedback.errors import ApplicationError
from feedback.people.api_keys import keys_of, own_key_create, own_key_revoke, scopes_of
from feedback.people.authentication import contributor_of, contributor_required
from feedback.people.display_settings import PREFERENCES, preferences_of, remember
from feedback.people.models import Contributor
from feedback.people.sign_in.accounts import has_account, needs_second_factor
from feedback.web.http import next_url


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def visitor_settings(request: HttpRequest) -> HttpResponse:
    """Show and save how this browser displays the pages; the choices are kept in cookies."""
    if request.method == "POST":
        return _settings_save(request)
    usual = {name: values[0] for name, values in PREFERENCES.items()}
    context = {
        "chosen": usual | preferences_of(request.COOKIES),
        "language": get_language(),
        "languages": [get_language_info(code) for code, _name in settings.LANGUAGES],
    }
    return render(request, "people/settings.html", context | _account(request))


def _account(request: HttpRequest) -> dict[str, object]:
    user = request.user
    if not isinstance(user, Contributor):
        return {}
    return {
        "account": has_account(user),
        "addresses": EmailAddress.objects.filter(user=user, verified=True),
        "needs_second_factor": needs_second_factor(user),
    }


def _settings_save(request: HttpRequest) -> HttpResponse:
    response = redirect(next_url(request, default=request.path))
    chosen = {
        name: value
        for name, allowed in PREFERENCES.items()
        if (value := request.POST.get(name, "")) in allowed
    }
    if (language := request.POST.get("language", "")) in dict(settings.LANGUAGES):
        chosen[settings.LANGUAGE_COOKIE_NAME] = language
        if isinstance(request.user, Contributor):
            Contributor.objects.filter(pk=request.user.pk).update(locale=language)
    for name, value in chosen.items():
        remember(request, response, name, value)
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@contributor_required
def keys(request: HttpRequest) -> HttpResponse:
    """Show one's keys, and a form for another one, which is shown once."""
    contributor = contributor_of(request)
    context: dict[str, object] = {"form": request.POST, "wanted": request.POST.getlist("scope")}
    if request.method == "POST":
        try:
            name, scopes = request.POST.get("name", ""), request.POST.getlist("scope")
            context["made"] = own_key_create(contributor=contributor, name=name, scopes=scopes)
        except ApplicationError as error:
            context["problem"] = error
    context |= {"keys": keys_of(contributor), "scopes": scopes_of(contributor)}
    problem = context.get("problem")
    status = problem.status if isinstance(problem, ApplicationError) else 200
    return render(request, "people/keys.html", context, status=status)


@require_POST
@contributor_required
def key_revoke(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """End a key."""
    own_key_revoke(contributor=contributor_of(request), key_id=str(key_id))
    return redirect("keys")
