"""Background work of the registry."""

from celery import shared_task

from feedback.registry.health_check import health_checks_run


@shared_task(name="registry.probe")
def health_check() -> None:
    """Beat: see whether what rests after failures answers again."""
    health_checks_run()
