"""Forms of sign-in that ask otherwise than django-allauth's own."""

from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django.utils.translation import gettext_lazy as _


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new key can sign one in by itself, unless its owner wants it beside a password only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["passwordless"]
        field.label, field.initial = _("Use this passkey to sign in without a password"), True
        field.help_text = _("Otherwise it is only asked for after a password or a code.")
