"""Reads of the pool by public identifier."""

from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.pool.models import Comparison, Response


def comparison_find(public_id: str) -> Comparison:
    """Return a comparison with its models; raise NotFoundError where there is none."""
    known = Comparison.objects.select_related("turn__conversation", "version_a", "version_b")
    message = _("There is no such comparison.")
    return get_or_not_found(known, "unknown_comparison", message, public_id=public_id)


def response_find(public_id: str) -> Response:
    """Return a response; raise NotFoundError where there is none."""
    message = _("There is no such response.")
    return get_or_not_found(
        Response.objects.all(), "unknown_response", message, public_id=public_id
    )
