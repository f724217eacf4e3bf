"""Errors of a page as a page of their own, or for htmx as a sentence."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from feedback.errors import ApplicationError, error_body
from feedback.web.http import HtmxRequest


class PageErrorMiddleware(MiddlewareMixin):
    """Turn an `ApplicationError` of a page into a sentence that a person can read.

    The API has its own handler, so what arrives here comes from a page. A request by htmx keeps
    its page and gets the sentence alone, in the place for problems.
    """

    def process_exception(self, request: HtmxRequest, error: Exception) -> HttpResponse | None:
        """Return the error page, or for htmx the sentence; None for any other exception."""
        if not isinstance(error, ApplicationError):
            return None
        if not request.accepts("text/html"):
            body = error_body(error.code, error.message, error.fields)
            return JsonResponse(body, status=error.status, headers=error.headers)
        template = "components/problem.html" if request.htmx else "error.html"
        response = render(request, template, {"problem": error}, status=error.status)
        for name, text in error.headers.items():
            response[name] = text
        if request.htmx:
            response["HX-Retarget"], response["HX-Reswap"] = "#problem", "innerHTML"
        return response
