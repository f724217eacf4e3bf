"""What tests of training share."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from feedback.training.execution.leases import RECONNECT_SECONDS
from feedback.training.models import TrainingRun

LEASE_SECONDS = 3


@pytest.fixture(autouse=True)
def short_lease(settings) -> None:
    """A lease that a test can wait for."""
    settings.RUN_LEASE_SECONDS = LEASE_SECONDS


@pytest.fixture
def expire() -> Callable[[TrainingRun], None]:
    """Let a run's lease be over, as if its worker had been silent for long."""

    def silent(run: TrainingRun) -> None:
        # Leases hold for a while after the database's start.
        while _uptime() < LEASE_SECONDS + RECONNECT_SECONDS:
            time.sleep(0.1)
        TrainingRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))

    return silent


def _uptime() -> float:
    """Seconds since the server's start; now() would stand still in a test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())")
        return float(cursor.fetchone()[0])
