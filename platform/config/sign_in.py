"""Signing in with an account elsewhere: what the environment configures is there, the rest not."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.environment import read_text

PROVIDERS = "allauth.socialaccount.providers"
GITHUB, GOOGLE = "https://github.com", "https://accounts.google.com"


def providers() -> tuple[list[str], dict[str, Any], list[str]]:
    """Return the apps, their settings, and the origins that a form may lead to."""
    apps: list[str] = []
    settings: dict[str, Any] = {}
    origins: list[str] = []
    for name, origin in (("github", GITHUB), ("google", GOOGLE)):
        if app := _client(name.upper()):
            apps.append(f"{PROVIDERS}.{name}")
            settings[name] = {"APPS": [app]}
            origins.append(origin)
    if app := _client("OIDC"):
        url = read_text("OIDC_URL")
        if not url.startswith(("https://", "http://")):
            raise ImproperlyConfigured("OIDC_CLIENT_ID needs OIDC_URL, the provider's address.")
        app |= {"provider_id": "oidc", "name": read_text("OIDC_NAME", "Single sign-on")}
        apps.append(f"{PROVIDERS}.openid_connect")
        settings["openid_connect"] = {"APPS": [app | {"settings": {"server_url": url}}]}
        parts = urlsplit(url)
        origins.append(f"{parts.scheme}://{parts.netloc}")
    return apps, settings, origins


def _client(prefix: str) -> dict[str, Any]:
    """Return the client's identifier and secret; nothing where none is set."""
    identifier, secret = read_text(f"{prefix}_CLIENT_ID"), read_text(f"{prefix}_CLIENT_SECRET")
    if identifier and not secret:
        raise ImproperlyConfigured(f"{prefix}_CLIENT_ID needs {prefix}_CLIENT_SECRET, too.")
    return {"client_id": identifier, "secret": secret} if identifier else {}
