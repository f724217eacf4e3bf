"""The Celery application: `celery --app config.celery worker --queues cpu`."""

import os
import signal

from celery import Celery
from celery.signals import worker_process_init

from config.supervisor.child import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("feedback")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["feedback"])


@worker_process_init.connect
def leave_no_orphan(**_: object) -> None:
    """End a process of the pool with its worker, even when the worker was killed."""
    die_with_parent(signal.SIGKILL)
