"""Background work of routing; beat calls most of it, and the names are those of its schedules."""

import logging

from celery import shared_task

from feedback.errors import UnavailableError
from feedback.registry.models import ModelVersion
from feedback.routing.calibration_prompts.asking import new_models_ask, prompts_ask
from feedback.routing.calibration_prompts.vectors import first_vectors_write
from feedback.routing.new_models.refresh import posteriors_refresh
from feedback.routing.prompt_vectors.backfill import prompts_encode
from feedback.routing.retention import routes_collect
from feedback.routing.thresholds.calibration import thresholds_recalibrate

logger = logging.getLogger(__name__)

MINUTELY_SECONDS = 50  # of the minute between two calls, so that they do not overlap
ASK_SECONDS = 600


@shared_task(name="routing.encode_prompts")
def encode_prompts() -> None:
    """Give new prompts their vectors; the next beat tries a server again that is away."""
    try:
        prompts_encode(seconds=MINUTELY_SECONDS)
    except UnavailableError as error:
        logger.warning("%s", error.message)


@shared_task(name="routing.refresh_newcomers")
def refresh_posteriors() -> None:
    """Let the router know what was learned of models since the last training."""
    posteriors_refresh()


@shared_task(name="routing.probe_models")
def ask_new_models() -> None:
    """Ask new models the calibration prompts, and give those that answered their first vectors."""
    new_models_ask(seconds=MINUTELY_SECONDS)
    _write_first_vectors()


@shared_task(name="routing.probe_version")
def ask_version(version_id: str) -> None:
    """Ask one version the calibration prompts, because an operator wants to know it."""
    version = ModelVersion.objects.select_related("provider").get(pk=version_id)
    prompts_ask(version, seconds=ASK_SECONDS)
    _write_first_vectors()


@shared_task(name="routing.recalibrate")
def recalibrate() -> None:
    """Calibrate thresholds on the embedding that was promoted since."""
    thresholds_recalibrate()


@shared_task(name="routing.collect")
def collect() -> None:
    """Forget old decisions that nobody judged."""
    routes_collect()


def _write_first_vectors() -> None:
    try:
        first_vectors_write()
    except UnavailableError as error:
        logger.warning("%s", error.message)
