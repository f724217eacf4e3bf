"""The terms that contributors agree to, and the scopes that keys may have."""

TERMS_VERSION = "2026-11"
TERMS_LICENCE = "CC-BY-4.0"
TERMS_SCOPE = ("train", "publish")
SCOPES = (
    "pool:read",
    "tasks:work",
    "preferences:write",
    "models:use",
    "models:write",
    "runs:write",
)
