"""The page of schedules, for operators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, operator_required
from feedback.training.models import Kind
from feedback.training.schedules.services import (
    schedule_create,
    schedule_delete,
    schedule_get,
    schedule_pause,
    schedule_run,
    schedules_list,
)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def schedules(request: HttpRequest) -> HttpResponse:
    """All schedules of training, and a form for another one."""
    problem = None
    if request.method == "POST":
        try:
            _create(request)
            return redirect("schedules")
        except ApplicationError as error:
            problem = error
    context = {
        "schedules": schedules_list(),
        "kinds": Kind.values,
        "form": request.POST,
        "problem": problem,
    }
    return render(
        request, "training/schedules.html", context, status=problem.status if problem else 200
    )


def _create(request: HttpRequest) -> None:
    hours, cron = request.POST.get("every_hours", "").strip(), request.POST.get("cron", "")
    if hours and not hours.isdecimal():
        raise ApplicationError("invalid_schedule", _("A whole number of hours, not “%s”.") % hours)
    schedule_create(
        kind=request.POST.get("kind", ""),
        every_hours=int(hours) if hours else None,
        cron=cron,
        actor=contributor_of(request),
    )


@require_POST
@operator_required
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it rest."""
    schedule_pause(schedule=schedule_get(pk), paused=True, actor=contributor_of(request))
    return redirect("schedules")


@require_POST
@operator_required
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it go on."""
    schedule_pause(schedule=schedule_get(pk), paused=False, actor=contributor_of(request))
    return redirect("schedules")


@require_POST
@operator_required
def run_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Do now what it would do at its time."""
    run = schedule_run(schedule=schedule_get(pk), actor=contributor_of(request))
    return redirect("run", run.number)


@require_POST
@operator_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it away."""
    schedule_delete(schedule=schedule_get(pk), actor=contributor_of(request))
    return redirect("schedules")
