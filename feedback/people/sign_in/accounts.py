"""Accounts: what a browser's anonymous contributor becomes by signing up or in.

A visitor who has agreed to the terms is a contributor whom nothing but a cookie knows. Signing up
gives that same contributor an address or a passkey, so that its judgments stay its own. Signing in
to another account cannot merge the two: judgments are append-only and their raters public. The
account adopts the anonymous contributor instead: it sees, changes, withdraws and downloads what
that one gave, under the pseudonym and the weight that it was given with.
"""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from feedback.people.models import ApiKey, Contributor, TrustTier
from feedback.people.services import audit_record, tier_set

ACCOUNT_PAGES = "/account/"


def has_account(contributor: Contributor) -> bool:
    """Say whether the contributor can sign in from another browser."""
    addresses = EmailAddress.objects.filter(user=contributor, verified=True)
    return bool(addresses.exists() or SocialAccount.objects.filter(user=contributor).exists())


def has_second_factor(contributor: Contributor) -> bool:
    """Say whether a password alone lets nobody in: there is an app or a passkey."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user=contributor, type__in=kinds).exists())


def needs_second_factor(contributor: Contributor) -> bool:
    """Say whether an operator has no more than a password, a mailbox or a cookie."""
    return contributor.is_operator and not has_second_factor(contributor)


def visitor_of_browser(request: HttpRequest) -> Contributor | None:
    """Return the contributor without an account whom this browser belongs to, if any."""
    return getattr(request, "visitor", None)


class VisitorMiddleware(MiddlewareMixin):
    """On the account's pages a contributor without an account counts as not signed in."""

    def process_request(self, request: HttpRequest) -> None:
        """Put the contributor aside, for `visitor_of_browser`."""
        if not request.path.startswith(ACCOUNT_PAGES):
            return
        user = request.user
        if isinstance(user, Contributor) and not has_account(user):
            request.visitor = user  # type: ignore[attr-defined]
            request.user = AnonymousUser()


def account_entered(*, contributor: Contributor, visitor: Contributor | None) -> bool:
    """Adopt this browser's visitor after a sign-in; say whether there was one."""
    with transaction.atomic():
        if contributor.trust_tier == TrustTier.ANONYMOUS:
            tier_set(contributor=contributor, tier=TrustTier.REGISTERED, reason="account")
        if visitor is None or visitor.pk == contributor.pk:
            return False
        return adopt(contributor=contributor, visitor=visitor)


def adopt(*, contributor: Contributor, visitor: Contributor) -> bool:
    """Let the account look after the visitor; nobody can be the visitor any more.

    Only who is known by this browser alone can be adopted: one who was invited has a standing of
    their own, which an account of somebody else must not swallow.
    """
    with transaction.atomic():
        orphans = Contributor.objects.filter(
            pk=visitor.pk, adopted_by=None, trust_tier=TrustTier.ANONYMOUS
        )
        if orphans.update(adopted_by=contributor, is_active=False) != 1:
            return False
        ApiKey.objects.filter(contributor=visitor).delete()
        audit_record(actor=contributor, action="account.adopt", subject=str(visitor.id))
    return True
