"""Ask a model the calibration prompts, from its operators' page."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from feedback.errors import ConflictError
from feedback.people.authentication import operator_required
from feedback.registry.selectors import version_get
from feedback.routing.calibration_prompts.requests import calibration_request


@require_POST
@operator_required
def version_probe(request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
    """Have a version asked the calibration prompts that it has not answered, in the background."""
    version = version_get(version_id)
    try:
        missing = calibration_request(version)
    except ConflictError as error:
        messages.info(request, error.message)
        return redirect("version", version.pk)
    if missing:
        messages.success(
            request, _("It is being asked. Calibration prompts: %(n)d.") % {"n": missing}
        )
    else:
        messages.info(request, _("It has answered all calibration prompts."))
    return redirect("version", version.pk)
