"""Addresses that nothing answers: a page for people, the one error shape for programs."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found

from feedback.errors import error_body

API_ROOTS = ("/api/", "/v1/")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address; under `/api/` and `/v1/` in JSON (`handler404`)."""
    if request.path.startswith(API_ROOTS):
        body = error_body("not_found", _("There is nothing at this address."))
        return JsonResponse(body, status=404)
    return page_not_found(request, exception)
