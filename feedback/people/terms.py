"""The terms that contributors agree to, and the scopes that keys may have."""

from django.utils.translation import gettext_lazy as _

TERMS_VERSION = "2026-11"
TERMS_LICENCE = "CC-BY-4.0"
TERMS_SCOPE = ("train", "publish")
SCOPES = {  # with what each allows
    "pool:read": _("Read the pool"),
    "tasks:work": _("Work on annotation tasks"),
    "preferences:write": _("Submit judgments"),
    "models:use": _("Ask models"),
    "models:write": _("Register and change models"),
    "runs:write": _("Start and stop training"),
}
