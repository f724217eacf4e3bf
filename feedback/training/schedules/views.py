"""The page of schedules, for operators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, operator_required
from feedback.training.forms import ScheduleForm
from feedback.training.models import Kind
from feedback.training.schedules.services import (
    schedule_create,
    schedule_delete,
    schedule_get,
    schedule_pause,
    schedule_run,
    schedules_list,
)
from feedback.training.services import known_kind


@require_GET
@operator_required
def schedules(request: HttpRequest) -> HttpResponse:
    """Show all schedules of training."""
    context = {"schedules": schedules_list(), "kinds": Kind.values}
    return render(request, "training/schedules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def schedule_new(request: HttpRequest) -> HttpResponse:
    """Show the form of a schedule of a kind; create the schedule with what was filled in."""
    given = request.POST or request.GET
    form = ScheduleForm(known_kind(given.get("kind", Kind.REWARD)), request.POST or None)
    status = 200
    if request.method == "POST":
        try:
            form.require_valid()
            schedule_create(
                kind=form.kind,
                every_hours=form.cleaned_data["every_hours"],
                cron=form.cleaned_data["cron"],
                config=form.given(),
                actor=contributor_of(request),
            )
            return redirect("schedules")
        except ApplicationError as error:
            form.refuse(error)
            status = error.status
    return render(request, "training/schedule_new.html", {"form": form}, status=status)


@require_POST
@operator_required
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause it."""
    schedule_pause(schedule=schedule_get(pk), paused=True, actor=contributor_of(request))
    return redirect("schedules")


@require_POST
@operator_required
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Resume it."""
    schedule_pause(schedule=schedule_get(pk), paused=False, actor=contributor_of(request))
    return redirect("schedules")


@require_POST
@operator_required
def run_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue now the run that it would queue at its time."""
    run = schedule_run(schedule=schedule_get(pk), actor=contributor_of(request))
    return redirect("run", run.number)


@require_POST
@operator_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete it."""
    schedule_delete(schedule=schedule_get(pk), actor=contributor_of(request))
    return redirect("schedules")
