"""How django-allauth makes, finds and signs in our contributors."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from feedback.people.display_settings import remember
from feedback.people.models import Contributor, Rater, RaterKind, TrustTier
from feedback.people.rate_limits.addresses import client_address
from feedback.people.selectors import current_consent, sign_up_is_open
from feedback.people.services import consent_give
from feedback.people.sign_in.accounts import account_entered, visitor_of_browser


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Signing up claims the contributor of this browser; signing in elsewhere adopts it."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say whether somebody may sign up: by invitation, only who has used one."""
        visitor = visitor_of_browser(request)
        invited = visitor is not None and visitor.trust_tier > TrustTier.ANONYMOUS
        return sign_up_is_open() or invited

    def new_user(self, request: HttpRequest) -> Contributor:
        """Return the browser's contributor, cleared of what an earlier attempt left undone."""
        visitor = visitor_of_browser(request)
        if visitor is None:
            return Contributor(locale=get_language() or "en")
        EmailAddress.objects.filter(user=visitor).delete()
        return visitor

    def save_user(
        self, request: HttpRequest, user: Contributor, form: Any, commit: bool = True
    ) -> Contributor:
        """Keep the contributor, with the rater that they judge as."""
        super().save_user(request, user, form, commit)
        rater_ensure(user)
        if visitor_of_browser(request) is not None:  # a new password ends the sessions before it
            request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        return user

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Sign in; an anonymous contributor that was here before goes with the account."""
        visitor = visitor_of_browser(request)
        super().login(request, user)
        assert isinstance(user, Contributor)
        if account_entered(contributor=user, visitor=visitor):
            words = _("Your earlier judgments in this browser are now part of your account.")
            messages.info(request, words)

    def post_login(
        self, request: HttpRequest, user: Contributor, *, signup: bool, **rest: Any
    ) -> HttpResponse:
        """Go on; who signs up agrees to the terms by that, as the page says."""
        if signup and current_consent(user) is None:
            consent_give(contributor=user)
        response: HttpResponse = super().post_login(request, user, signup=signup, **rest)
        if not signup and user.locale in dict(settings.LANGUAGES):
            remember(request, response, settings.LANGUAGE_COOKIE_NAME, user.locale)
        return response

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address as far as our own setting trusts proxies."""
        return client_address(request)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The same for accounts elsewhere."""

    def new_user(self, _request: HttpRequest, _sociallogin: SocialLogin) -> Contributor:
        """Return nobody yet: whether the account elsewhere is known is only looked up later."""
        return Contributor(locale=get_language() or "en")

    def save_user(
        self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None
    ) -> Contributor:
        """Claim the browser's contributor, whatever was remembered while the form was open."""
        sociallogin.user = AccountAdapter(request).new_user(request)
        user: Contributor = super().save_user(request, sociallogin, form)
        rater_ensure(user)
        if visitor_of_browser(request) is not None:
            request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        return user


def rater_ensure(contributor: Contributor) -> Rater:
    """Return the rater that a contributor judges as; made where there is none yet."""
    rater, _made = Rater.objects.get_or_create(
        contributor=contributor, defaults={"kind": RaterKind.HUMAN}
    )
    return rater
