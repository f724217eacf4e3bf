"""What all pages share: addresses to come back to, and errors as a page or a sentence."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme

from feedback.errors import ApplicationError, error_body


def next_url(request: HttpRequest, default: str) -> str:
    """Where the visitor wanted to go, if that is a page of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if safe and wanted.startswith("/") else default


class PageErrorMiddleware(MiddlewareMixin):
    """An `ApplicationError` of a page becomes a sentence that a person can read.

    The API has its own handler, so what arrives here comes from a page. A request by htmx keeps
    its page and gets the sentence alone, in the place for problems.
    """

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The error page, or for htmx the sentence; None for any other exception."""
        if not isinstance(error, ApplicationError):
            return None
        if not request.accepts("text/html"):
            body = error_body(error.code, error.message, error.fields)
            return JsonResponse(body, status=error.status, headers=error.headers)
        for_htmx = bool(request.headers.get("HX-Request"))
        template = "components/problem.html" if for_htmx else "error.html"
        response = render(request, template, {"problem": error}, status=error.status)
        for name, text in error.headers.items():
            response[name] = text
        if for_htmx:
            response["HX-Retarget"], response["HX-Reswap"] = "#problem", "innerHTML"
        return response
