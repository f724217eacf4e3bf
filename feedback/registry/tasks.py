"""Background work of the registry."""

from celery import shared_task

from feedback.registry.health_check import probes_run


@shared_task(name="registry.probe")
def probe() -> None:
    """Beat: see whether what rests after failures answers again."""
    probes_run()
