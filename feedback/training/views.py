"""The pages of runs, for operators. They work without script; htmx keeps them fresh."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, operator_required
from feedback.training.charts.curves import run_charts
from feedback.training.charts.distributions import last_histogram, reliability
from feedback.training.charts.metric_rows import metric_rows
from feedback.training.forms import RunForm
from feedback.training.models import (
    WITHOUT_RESULT,
    Checkpoint,
    CheckpointState,
    Kind,
    TrainingRun,
)
from feedback.training.promotion.samples import Sample, samples_shown
from feedback.training.promotion.services import checkpoint_promote, checkpoint_roll_back
from feedback.training.promotion.verdict_text import VerdictCode
from feedback.training.selectors import run_events, run_get, runs_newest, seconds_left, silence
from feedback.training.services import known_kind, run_cancel, run_request
from feedback.web.http import HtmxRequest, page_or_part


@require_GET
@operator_required
def runs(request: HtmxRequest) -> HttpResponse:
    """Show the newest runs; the page asks again every three seconds while one is not over."""
    rows = [_row(run) for run in runs_newest()]
    context = {
        "rows": rows,
        "unfinished": any(row["run"].is_unfinished for row in rows),
        "kinds": Kind.values,
    }
    return render(request, page_or_part(request, "training/runs.html", "rows"), context)


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def run_new(request: HttpRequest) -> HttpResponse:
    """Show the settings of a kind; queue a run with those that were filled in."""
    given = request.POST or request.GET
    form = RunForm(known_kind(given.get("kind", Kind.REWARD)), request.POST or None)
    status = 200
    if request.method == "POST":
        try:
            form.require_valid()
            wanted = run_request(
                kind=form.kind,
                config=form.given(),
                seed=form.cleaned_data["seed"] or 0,
                requested_by=contributor_of(request),
            )
            return redirect("run", wanted.number)
        except ApplicationError as error:
            form.refuse(error)
            status = error.status
    return render(request, "training/run_new.html", {"form": form}, status=status)


@require_GET
@operator_required
def run(request: HtmxRequest, number: int) -> HttpResponse:
    """Show one run: what came of it, its curves, its numbers, its log."""
    training_run = run_get(number)
    checkpoint = _checkpoint(training_run)
    events = list(run_events(training_run).values_list("phase", "step", "metrics"))
    context = _row(training_run) | {
        "unfinished": training_run.is_unfinished,
        "checkpoint": checkpoint,
        "charts": run_charts(events),
        "tau": last_histogram([metrics for *_, metrics in events], "tau"),
        "calibration": reliability(training_run.metrics.get("calibration")),
        "metrics": metric_rows(training_run.metrics),
        "models": training_run.metrics.get("models", []),
        "samples": None if checkpoint is None else _samples(checkpoint),
        "can_promote": checkpoint is not None and _can_promote(checkpoint),
        "can_roll_back": checkpoint and _replaced_by(checkpoint) is not None,
    }
    return render(request, page_or_part(request, "training/run.html", "run"), context)


@require_POST
@operator_required
def run_stop(request: HttpRequest, number: int) -> HttpResponse:
    """Cancel."""
    run_cancel(run=run_get(number), actor=contributor_of(request))
    return redirect("run", number)


@require_POST
@operator_required
def run_again(request: HttpRequest, number: int) -> HttpResponse:
    """Queue the same kind, settings and seed, on the pool as it is now."""
    before = run_get(number)
    again = run_request(
        kind=before.kind,
        config=before.config,
        seed=before.seed,
        requested_by=contributor_of(request),
    )
    return redirect("run", again.number)


@require_http_methods(["GET", "POST"])
@operator_required
def promote(request: HttpRequest, number: int) -> HttpResponse:
    """Ask once, then make the run's checkpoint the live one."""
    training_run = run_get(number)
    checkpoint = _checkpoint(training_run)
    if checkpoint is None:
        return redirect("run", number)
    if request.method == "POST":
        checkpoint_promote(checkpoint=checkpoint, actor=contributor_of(request))
        return redirect("run", number)
    live = Checkpoint.objects.live(Kind(training_run.kind)).first()
    context = {"run": training_run, "checkpoint": checkpoint, "live": live}
    return render(request, "training/promote.html", context)


@require_http_methods(["GET", "POST"])
@operator_required
def roll_back(request: HttpRequest, number: int) -> HttpResponse:
    """Ask once, then bring back what the run's checkpoint replaced."""
    training_run = run_get(number)
    checkpoint = _checkpoint(training_run)
    if checkpoint is None or (replaced := _replaced_by(checkpoint)) is None:
        return redirect("run", number)
    if request.method == "POST":
        checkpoint_roll_back(checkpoint=checkpoint, actor=contributor_of(request))
        return redirect("run", replaced.run.number)
    context = {"run": training_run, "checkpoint": checkpoint, "replaced": replaced}
    return render(request, "training/roll_back.html", context)


def _row(training_run: TrainingRun) -> dict[str, Any]:
    left, quiet = seconds_left(training_run), silence(training_run, settings.RUN_LEASE_SECONDS)
    return {
        "run": training_run,
        "checkpoint": _checkpoint(training_run),
        "percent": round(100 * training_run.progress),
        "minutes_left": None if left is None else max(1, round(left / 60)),
        "silent_minutes": None if quiet is None else max(1, round(quiet.total_seconds() / 60)),
        "can_cancel": training_run.is_unfinished and not training_run.cancel_requested,
        "can_run_again": training_run.state in WITHOUT_RESULT,
    }


def _checkpoint(training_run: TrainingRun) -> Checkpoint | None:
    return getattr(training_run, "checkpoint", None)


def _samples(checkpoint: Checkpoint) -> list[Sample] | None:
    """Return a policy's sampled answers; None for another kind, which answers nothing."""
    return samples_shown(Path(checkpoint.path)) if checkpoint.kind == Kind.POLICY else None


def _can_promote(checkpoint: Checkpoint) -> bool:
    made_for_tests = checkpoint.verdict.get("code") == VerdictCode.MADE_FOR_TESTS
    return checkpoint.state != CheckpointState.LIVE and not made_for_tests


def _replaced_by(checkpoint: Checkpoint) -> Checkpoint | None:
    """Return what a roll-back of this live checkpoint would bring back."""
    if checkpoint.state != CheckpointState.LIVE:
        return None
    last = checkpoint.promotions.order_by("-created_at").first()
    return last.replaced if last else None
