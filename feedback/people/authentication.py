"""API keys and their scopes for Django REST framework, and the gate of the pages."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from feedback.people.models import ApiKey, Contributor
from feedback.people.selectors import apikey_find, current_consent
from feedback.people.sign_in.accounts import needs_second_factor
from feedback.web.http import HtmxRequest

if TYPE_CHECKING:  # REST framework imports this module while it imports its views
    from rest_framework.views import APIView

PageView = Callable[..., HttpResponseBase]


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <key>`."""

    def authenticate(self, request: Request) -> tuple[Contributor, ApiKey] | None:
        """Return the key's contributor and the key itself; None where no key is sent."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = apikey_find(key.strip())
        if found is None:
            raise exceptions.AuthenticationFailed("This API key is not valid.")
        return found.contributor, found

    def authenticate_header(self, _request: Request) -> str:
        """Return what a client without a key is asked for."""
        return "Bearer"


def scope(name: str) -> type[permissions.BasePermission]:
    """Make a permission: a key with this scope, or a signed-in contributor in a browser."""

    class HasScope(permissions.BasePermission):
        message = f"This needs a key with the scope {name}."

        def has_permission(self, request: Request, _view: "APIView") -> bool:
            if isinstance(request.auth, ApiKey):
                return name in request.auth.scopes
            return bool(request.user and request.user.is_authenticated)

    return HasScope


class IsOperator(permissions.BasePermission):
    """Only operators."""

    message = "Only operators may do this."

    def has_permission(self, request: Request, _view: "APIView") -> bool:
        """Say whether the contributor is an operator."""
        user = request.user
        return isinstance(user, Contributor) and user.is_operator and not is_barred(user)


def is_barred(operator: Contributor) -> bool:
    """Say whether this operator has no second factor, where the site asks for one."""
    return settings.OPERATORS_NEED_SECOND_FACTOR and needs_second_factor(operator)


def contributor_of(request: HttpRequest | Request) -> Contributor:
    """Return the contributor behind a request that has passed one of the gates here."""
    return cast(Contributor, request.user)


def contributor_required(view: PageView) -> PageView:
    """Let in who agreed to the terms; others see the terms first, then come back."""

    @wraps(view)
    def gated(request: HtmxRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, Contributor) or current_consent(user) is None:
            target = f"{resolve_url('terms')}?{urlencode({'next': request.get_full_path()})}"
            if request.htmx:
                return HttpResponse(headers={"HX-Redirect": target})
            return redirect(target)
        return view(request, *args, **kwargs)

    return gated


def operator_required(view: PageView) -> PageView:
    """Let in operators only."""
    return _gated(view, lambda user: user.is_operator, _("Only operators may see this page."))


def curator_required(view: PageView) -> PageView:
    """Let in curators and operators only."""
    return _gated(view, lambda user: user.is_curator, _("Only curators may see this page."))


def _gated(view: PageView, may: Callable[[Contributor], bool], refusal: Promise) -> PageView:
    @wraps(view)
    def gated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, Contributor) or not may(user):
            raise PermissionDenied(refusal)
        if is_barred(user):
            return redirect("settings")
        return view(request, *args, **kwargs)

    return gated
