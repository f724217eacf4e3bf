"""Requests as the views see them: htmx or a whole page, and where a visitor goes next."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """A request with the details that `HtmxMiddleware` adds; they are false without htmx."""

    htmx: HtmxDetails


def page_or_part(request: HtmxRequest, template: str, part: str) -> str:
    """Return the name of a template, or for htmx of the one part of it that is swapped."""
    return f"{template}#{part}" if request.htmx else template


def next_url(request: HttpRequest, default: str) -> str:
    """Return where the visitor wanted to go, if that is a page of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if safe and wanted.startswith("/") else default
