"""Forms of thresholds on the page of the router."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from feedback.errors import ApplicationError, InvalidError
from feedback.people.authentication import contributor_of, operator_required
from feedback.routing.models import Threshold
from feedback.routing.thresholds.calibration import threshold_calibrate
from feedback.routing.thresholds.forms import ThresholdForm
from feedback.routing.thresholds.selectors import threshold_get, version_labelled
from feedback.routing.thresholds.services import threshold_create, threshold_remove
from feedback.routing.views import router_page


@require_POST
@operator_required
def threshold_new(request: HttpRequest) -> HttpResponse:
    """Put a strong and a weak model under a name."""
    form = ThresholdForm(request.POST)
    try:
        made = _made(request, form)
    except ApplicationError as error:
        return router_page(request, problem=error, form=form.data)
    messages.success(request, _("%(name)s was added.") % {"name": made})
    return redirect("router")


@require_POST
@operator_required
def threshold_do(request: HttpRequest, name: str) -> HttpResponse:
    """Calibrate a threshold anew, or remove it."""
    actor = contributor_of(request)
    if request.POST.get("do") == "remove":
        threshold_remove(name=name, actor=actor)
        messages.success(request, _("%(name)s was removed.") % {"name": name})
    else:
        threshold_calibrate(threshold=threshold_get(name))
        messages.success(request, _("%(name)s was calibrated.") % {"name": name})
    return redirect("router")


def _made(request: HttpRequest, form: ThresholdForm) -> Threshold:
    if not form.is_valid():
        raise InvalidError({name: problems[0] for name, problems in form.errors.items()})
    wanted = form.cleaned_data
    return threshold_create(
        name=wanted["name"],
        strong=version_labelled("strong", wanted["strong"]),
        weak=version_labelled("weak", wanted["weak"]),
        share=wanted["share"],
        actor=contributor_of(request),
    )
