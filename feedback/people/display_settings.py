"""How a visitor likes to see the pages: cookies, so that they need no account."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

# Each setting with its values; the first is what a page does without being told.
PREFERENCES: dict[str, tuple[str, ...]] = {
    "theme": ("system", "light", "dark"),
    "reading": ("serif", "sans"),
    "keys": ("on", "off"),
    "long": ("whole", "folded", "apart"),
}
YEAR_SECONDS = 365 * 24 * 3600


def preferences_of(values: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that differ from the usual ones; unknown values are dropped."""
    return {
        name: value
        for name, allowed in PREFERENCES.items()
        if (value := values.get(name, "")) in allowed[1:]
    }


def remember(request: HttpRequest, response: HttpResponse, name: str, value: str) -> None:
    """Keep a setting in this browser for a year."""
    response.set_cookie(
        name,
        value,
        max_age=YEAR_SECONDS,
        samesite="Lax",
        secure=request.is_secure(),
        httponly=True,
    )
