"""Background work of routing."""

import logging

from celery import shared_task

from feedback.errors import UnavailableError
from feedback.registry.models import ModelVersion
from feedback.routing.new_models.refresh import newcomers_refresh
from feedback.routing.probes.services import probe_ask, probe_next
from feedback.routing.probes.vectors import probe_vectors_write
from feedback.routing.prompt_vectors.backfill import prompts_encode
from feedback.routing.retention import routes_collect
from feedback.routing.thresholds.services import thresholds_recalibrate

logger = logging.getLogger(__name__)

WALK_SECONDS = 50  # of the minute between two calls
ASK_SECONDS = 600


@shared_task(name="routing.encode_prompts")
def encode_prompts() -> None:
    """Beat: give new prompts their vectors. A server that is away is tried again by the next."""
    try:
        prompts_encode(seconds=WALK_SECONDS)
    except UnavailableError as error:
        logger.warning("%s", error.message)


@shared_task(name="routing.refresh_newcomers")
def refresh_newcomers() -> None:
    """Beat: let the router know what was learned of models since the last training."""
    newcomers_refresh()


@shared_task(name="routing.probe_models")
def probe_models() -> None:
    """Beat: ask new models the probe, and give those that answered their first vectors."""
    probe_next(seconds=WALK_SECONDS)
    _place()


@shared_task(name="routing.probe_version")
def probe_version(version_id: str) -> None:
    """Ask one version the probe, because an operator wants to know it."""
    version = ModelVersion.objects.select_related("provider").get(pk=version_id)
    probe_ask(version, seconds=ASK_SECONDS)
    _place()


def _place() -> None:
    try:
        probe_vectors_write()
    except UnavailableError as error:
        logger.warning("%s", error.message)


@shared_task(name="routing.recalibrate")
def recalibrate() -> None:
    """Beat: calibrate thresholds on the embedding that was promoted since."""
    thresholds_recalibrate()


@shared_task(name="routing.collect")
def collect() -> None:
    """Beat: forget old decisions that nobody judged."""
    routes_collect()
