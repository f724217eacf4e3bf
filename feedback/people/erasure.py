"""What is erased of a contributor who leaves."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from feedback.people.models import ApiKey, Contributor, Invitation, Role


def contributor_erase(contributor: Contributor) -> None:
    """Erase name, addresses, keys and every way to sign in; the pseudonym's row stays.

    Judgments, consents and the audit trail point at that row, which then says nothing of anybody.
    A new unusable password ends all sessions, since each carries a digest of the one before.
    """
    with transaction.atomic():
        for model in (EmailAddress, SocialAccount, Authenticator):
            model.objects.filter(user=contributor).delete()
        ApiKey.objects.filter(contributor=contributor).delete()
        Invitation.objects.filter(used_by=contributor).update(note="")
        contributor.name, contributor.expertise, contributor.locale = None, [], ""
        contributor.role, contributor.is_active = Role.CONTRIBUTOR, False
        contributor.set_unusable_password()
        contributor.save()
