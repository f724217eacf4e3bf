"""Schedules of training: rows of django-celery-beat that queue a run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from feedback.errors import ApplicationError, ConflictError, NotFoundError
from feedback.people.models import AuditEvent, Contributor
from feedback.people.services import audit_record
from feedback.training.models import Kind, TrainingRun
from feedback.training.services import known_kind, run_request

TASK = "training.run_scheduled"
CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
LONGEST_HOURS = 24 * 366
# Made on the first start: what a quiet night of a small machine can hold.
DEFAULTS = {
    Kind.RANKING: "50 2 * * *",
    Kind.REWARD: "10 3 * * *",
    Kind.EMBEDDING: "40 3 * * *",
    Kind.POLICY: "10 4 * * 0",
}
DEFAULTS_MADE = "schedule.defaults"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as people see it."""

    task: PeriodicTask

    @property
    def kind(self) -> str:
        """What it trains, or what it says it would."""
        try:
            kwargs = json.loads(self.task.kwargs)
        except ValueError:
            return ""
        return str(kwargs.get("kind", "")) if isinstance(kwargs, Mapping) else ""

    @property
    def is_known(self) -> bool:
        """Whether that kind exists; one that does not is refused at every run."""
        return self.kind in Kind.values

    @property
    def words(self) -> str:
        """When it runs."""
        if self.task.interval is not None:
            return str(self.task.interval)
        cron = self.task.crontab
        if cron is None:
            return _("never")
        fields = [str(getattr(cron, name)) for name in CRON_FIELDS]
        minute, hour, *rest = fields
        if rest == ["*", "*", "*"] and minute.isdecimal() and hour.isdecimal():
            return _("every day at %s UTC") % f"{int(hour):02}:{int(minute):02}"
        return " ".join(fields) + " UTC"


def schedules_list() -> list[Schedule]:
    """All schedules of training, by name."""
    tasks = PeriodicTask.objects.filter(task=TASK).select_related("interval", "crontab")
    return [Schedule(task) for task in tasks.order_by("name")]


def schedule_get(schedule_id: int) -> Schedule:
    """The schedule with that key."""
    task = PeriodicTask.objects.filter(task=TASK, pk=schedule_id).first()
    if task is None:
        raise NotFoundError("no_such_schedule", _("There is no such schedule."))
    return Schedule(task)


def schedule_create(
    *, kind: str, every_hours: int | None = None, cron: str = "", actor: Contributor | None
) -> Schedule:
    """A schedule every N hours, or by five cron fields in UTC; exactly one of the two."""
    known_kind(kind)
    if (every_hours is None) == (not cron.strip()):
        raise ApplicationError("invalid_schedule", _("Enter either every N hours or a cron line."))
    when = _interval(every_hours) if every_hours is not None else _crontab(cron)
    return _create(kind, when, actor)


def schedule_pause(*, schedule: Schedule, paused: bool, actor: Contributor) -> None:
    """Let a schedule rest, or go on."""
    task = schedule.task
    task.enabled = not paused
    with transaction.atomic():
        task.save(update_fields=["enabled", "date_changed"])
        action = "schedule.pause" if paused else "schedule.resume"
        audit_record(actor=actor, action=action, subject=task.name)


def schedule_delete(*, schedule: Schedule, actor: Contributor) -> None:
    """Take a schedule away; its runs stay."""
    with transaction.atomic():
        audit_record(actor=actor, action="schedule.delete", subject=schedule.task.name)
        schedule.task.delete()


def schedule_run(*, schedule: Schedule, actor: Contributor) -> TrainingRun:
    """Queue a run of this schedule now."""
    return run_request(kind=schedule.kind, schedule=schedule.task.name, requested_by=actor)


def default_schedules_create() -> None:
    """The schedules of a new site, once: what an operator takes away later stays away."""
    with transaction.atomic():
        if AuditEvent.objects.filter(action=DEFAULTS_MADE).exists():
            return
        for kind, cron in DEFAULTS.items():
            _create(kind, _crontab(cron), None)
        audit_record(actor=None, action=DEFAULTS_MADE, subject="training")


def _create(kind: str, when: dict[str, Any], actor: Contributor | None) -> Schedule:
    draft = Schedule(PeriodicTask(task=TASK, kwargs=json.dumps({"kind": kind}), **when))
    with override(settings.LANGUAGE_CODE):  # names are compared, so they are of one language
        draft.task.name = f"Train {kind} {draft.words}"
    with transaction.atomic():
        if PeriodicTask.objects.filter(name=draft.task.name).exists():
            raise ConflictError(
                "schedule_exists", _("This schedule already exists: %s.") % draft.task.name
            )
        draft.task.save()
        audit_record(actor=actor, action="schedule.create", subject=draft.task.name)
    return draft


def _interval(hours: int) -> dict[str, Any]:
    if not 1 <= hours <= LONGEST_HOURS:
        raise ApplicationError(
            "invalid_schedule",
            _("Every 1 to %(most)s hours, not %(given)s.")
            % {"most": LONGEST_HOURS, "given": hours},
            fields={"every_hours": [f"1 to {LONGEST_HOURS}"]},
        )
    interval, _created = IntervalSchedule.objects.get_or_create(
        every=hours, period=IntervalSchedule.HOURS
    )
    return {"interval": interval}


def _crontab(line: str) -> dict[str, Any]:
    fields = re.split(r"\s+", line.strip())
    if len(fields) != len(CRON_FIELDS):
        raise ApplicationError(
            "invalid_schedule",
            _("A cron line has five fields, minute hour day month weekday, not “%s”.") % line,
            fields={"cron": ["five fields"]},
        )
    values = dict(zip(CRON_FIELDS, fields, strict=True)) | {"timezone": "UTC"}
    try:
        CrontabSchedule(**values).full_clean()
    except ValidationError as error:
        message = " ".join(error.messages)
        raise ApplicationError(
            "invalid_schedule",
            _("“%(line)s” is not a cron line: %(why)s") % {"line": line, "why": message},
            fields={"cron": [message]},
        ) from error
    crontab, _created = CrontabSchedule.objects.get_or_create(**values)
    return {"crontab": crontab}
