"""Notify workers that a run may be waiting.

The task is sent by its name: tasks call services, and services that imported tasks would close a
circle. The row is the truth, so the message carries nothing and a lost one loses nothing.
"""

import logging

from celery import current_app
from kombu.exceptions import OperationalError as BrokerError

logger = logging.getLogger(__name__)

RUN_NEXT = "training.run_next"  # settings.CELERY_TASK_ROUTES sends it to the queue of the devices


def workers_notify() -> None:
    """Send a worker the message that there may be work; beat sends another where this one fails."""
    try:
        current_app.send_task(RUN_NEXT)
    except BrokerError:
        logger.warning("The broker did not take the message to the workers; beat will send one.")
