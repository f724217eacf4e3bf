"""The periodic work of the site, as rows of django-celery-beat."""

from dataclasses import dataclass

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from feedback.training.schedules.services import default_schedules_create

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Periodic:
    """A task that runs every so many seconds."""

    name: str
    task: str
    seconds: int


PERIODIC = (
    Periodic("Give back expired holds", "annotation.expire_leases", MINUTE),
    Periodic("Publish what is due", "publication.publish_due", MINUTE),
    Periodic("Fold the tally of votes", "ranking.fold_tally", 5 * MINUTE),
    Periodic("Check the ranking", "ranking.check", 60 * MINUTE),
    Periodic("Refresh the consensus", "quality.refresh_consensus", 5 * MINUTE),
    Periodic("Decide who labels what", "hybrid.route_labels", 5 * MINUTE),
    Periodic("Encode new prompts", "routing.encode_prompts", MINUTE),
    Periodic("Ask new models the probe", "routing.probe_models", MINUTE),
    Periodic("Learn of new models", "routing.refresh_newcomers", 15),
    Periodic("Calibrate thresholds of routing", "routing.recalibrate", MINUTE),
    Periodic("Forget decisions that nobody judged", "routing.collect", 60 * MINUTE),
    Periodic("Forget rate limits that are paid off", "people.sweep_limits", 10 * MINUTE),
    Periodic("Try paused providers", "registry.probe", 15),
    Periodic("Take up lost runs", "training.runs_recover", 20),
)


def schedules_ensure() -> int:
    """Make the site's own periodic tasks what this page says; how many there are.

    An operator may pause one: whether it is enabled is left as it is.
    """
    with transaction.atomic():
        for entry in PERIODIC:
            interval, _ = IntervalSchedule.objects.get_or_create(
                every=entry.seconds, period=IntervalSchedule.SECONDS
            )
            PeriodicTask.objects.update_or_create(
                name=entry.name,
                defaults={
                    "task": entry.task,
                    "interval": interval,
                    "crontab": None,
                    "expire_seconds": entry.seconds,  # not piled up while no worker listens
                },
            )
    default_schedules_create()
    return len(PERIODIC)
