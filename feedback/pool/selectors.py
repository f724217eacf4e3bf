"""Reads of the pool by public identifier."""

from django.utils.translation import gettext as _

from feedback.errors import NotFoundError
from feedback.pool.models import Comparison, Response


def comparison_find(public_id: str) -> Comparison:
    """The comparison of that identifier, with its models."""
    found = None
    if public_id.isascii() and public_id.isalnum():
        found = (
            Comparison.objects.select_related("turn__conversation", "version_a", "version_b")
            .filter(public_id=public_id)
            .first()
        )
    if found is None:
        raise NotFoundError("unknown_comparison", _("There is no such comparison."))
    return found


def response_find(public_id: str) -> Response:
    """The response of that identifier."""
    found = None
    if public_id.isascii() and public_id.isalnum():
        found = Response.objects.filter(public_id=public_id).first()
    if found is None:
        raise NotFoundError("unknown_response", _("There is no such response."))
    return found
