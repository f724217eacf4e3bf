"""Schedules of training: rows of django-celery-beat that queue a run, with its settings."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from feedback.database.lookup import get_or_not_found
from feedback.errors import ConflictError, InvalidError
from feedback.people.models import AuditEvent, Contributor
from feedback.people.services import audit_record
from feedback.registry.house_models import is_served
from feedback.training.models import Kind, TrainingRun
from feedback.training.run_settings import Config, settings_checked
from feedback.training.services import known_kind, run_request
from trainers.settings.values import as_text

TASK = "training.run_scheduled"
CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
LONGEST_HOURS = 24 * 366
NAME_LENGTH = 200  # of a row's name, which a run keeps
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
    """A schedule as people see it: a periodic task whose arguments are a kind and its settings."""

    task: PeriodicTask

    @property
    def _arguments(self) -> Mapping[str, Any]:
        """Return the arguments as stored, none where a row was written by hand and is broken."""
        try:
            kwargs = json.loads(self.task.kwargs)
        except ValueError:
            return {}
        return kwargs if isinstance(kwargs, Mapping) else {}

    @property
    def kind(self) -> str:
        """Return the kind it trains, or a name that is none (`is_known`)."""
        return str(self._arguments.get("kind", ""))

    @property
    def config(self) -> Config:
        """Return the settings of its runs; those left out keep their defaults."""
        config = self._arguments.get("config", {})
        return config if isinstance(config, Mapping) else {}

    @property
    def is_known(self) -> bool:
        """Return whether that kind exists; one that does not is refused at every run."""
        return self.kind in Kind.values

    @property
    def timing(self) -> str:
        """Return when it runs."""
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
    """Return all schedules of training, by name."""
    tasks = PeriodicTask.objects.filter(task=TASK).select_related("interval", "crontab")
    return [Schedule(task) for task in tasks.order_by("name")]


def schedule_get(schedule_id: int) -> Schedule:
    """Return the schedule with that key, or raise NotFoundError."""
    rows = PeriodicTask.objects.filter(task=TASK)
    message = _("There is no such schedule.")
    return Schedule(get_or_not_found(rows, "no_such_schedule", message, pk=schedule_id))


def schedule_create(
    *,
    kind: str,
    every_hours: int | None = None,
    cron: str = "",
    config: Config | None = None,
    actor: Contributor | None,
) -> Schedule:
    """Create a schedule every N hours, or by five cron fields in UTC; exactly one of the two.

    Raises ApplicationError where there is no such kind, InvalidError for a time that is none and
    for settings that the trainer would refuse, ConflictError where there is the same schedule.
    """
    known = known_kind(kind)
    settings = settings_checked(known, config or {})
    if (every_hours is None) == (not cron.strip()):
        raise _refused("cron", _("Enter either every N hours or a cron line."))
    when = _interval(every_hours) if every_hours is not None else _crontab(cron)
    return _create(known, when, settings, actor)


def schedule_pause(*, schedule: Schedule, paused: bool, actor: Contributor) -> None:
    """Pause or resume a schedule."""
    task = schedule.task
    task.enabled = not paused
    with transaction.atomic():
        task.save(update_fields=["enabled", "date_changed"])
        action = "schedule.pause" if paused else "schedule.resume"
        audit_record(actor=actor, action=action, subject=task.name)


def schedule_delete(*, schedule: Schedule, actor: Contributor) -> None:
    """Delete a schedule; its runs stay."""
    with transaction.atomic():
        audit_record(actor=actor, action="schedule.delete", subject=schedule.task.name)
        schedule.task.delete()


def schedule_run(*, schedule: Schedule, actor: Contributor) -> TrainingRun:
    """Queue a run of this schedule now."""
    return run_request(
        kind=schedule.kind,
        config=schedule.config,
        schedule=schedule.task.name,
        requested_by=actor,
    )


def default_schedules_create() -> None:
    """Create the schedules of a new site, once: what an operator deletes later stays away.

    Policies are tuned from the packaged checkpoint: without it they get no schedule.
    """
    with transaction.atomic():
        if AuditEvent.objects.filter(action=DEFAULTS_MADE).exists():
            return
        for kind, cron in DEFAULTS.items():
            if kind == Kind.POLICY and not is_served():
                continue
            _create(kind, _crontab(cron), {}, None)
        audit_record(actor=None, action=DEFAULTS_MADE, subject="training")


def _create(
    kind: Kind, when: Mapping[str, Any], config: Config, actor: Contributor | None
) -> Schedule:
    arguments = {"kind": kind} | ({"config": config} if config else {})
    draft = Schedule(PeriodicTask(task=TASK, kwargs=json.dumps(arguments), **when))
    with override(django_settings.LANGUAGE_CODE):  # names are compared: they are of one language
        words = [f"{name}={as_text(value)}" for name, value in sorted(config.items())]
        name = " ".join([f"Train {kind} {draft.timing}", *(["with"] if words else []), *words])
        draft.task.name = name[:NAME_LENGTH]
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
        text = _("Every 1 to %(most)s hours, not %(given)s.")
        raise _refused("every_hours", text % {"most": LONGEST_HOURS, "given": hours})
    interval, _created = IntervalSchedule.objects.get_or_create(
        every=hours, period=IntervalSchedule.HOURS
    )
    return {"interval": interval}


def _crontab(line: str) -> dict[str, Any]:
    fields = re.split(r"\s+", line.strip())
    if len(fields) != len(CRON_FIELDS):
        text = _("A cron line has five fields, minute hour day month weekday, not “%s”.")
        raise _refused("cron", text % line)
    values = dict(zip(CRON_FIELDS, fields, strict=True)) | {"timezone": "UTC"}
    try:
        CrontabSchedule(**values).full_clean()
    except ValidationError as error:
        text = _("“%(line)s” is not a cron line: %(why)s")
        why = " ".join(error.messages)
        raise _refused("cron", text % {"line": line, "why": why}) from error
    crontab, _created = CrontabSchedule.objects.get_or_create(**values)
    return {"crontab": crontab}


def _refused(field: str, problem: str) -> InvalidError:
    """Return the error of one field, with its problem as the message, too."""
    return InvalidError({field: problem}, problem)
