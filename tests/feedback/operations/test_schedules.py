"""The site's periodic work, in the database's schedule."""

import pytest
from django_celery_beat.models import PeriodicTask

from config.celery import app
from feedback.operations.schedules import PERIODIC, schedules_ensure

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("column", ["task", "name"])
def test_schedules_are_made_once_and_renamed_with_a_release(column: str) -> None:
    schedules_ensure()
    count = PeriodicTask.objects.count()
    task = PeriodicTask.objects.get(name=PERIODIC[0].name)
    setattr(task, column, "as an earlier release called it")
    task.enabled = False
    task.save()
    schedules_ensure()
    assert PeriodicTask.objects.count() == count
    task.refresh_from_db()
    assert (task.task, task.name) == (PERIODIC[0].task, PERIODIC[0].name)
    assert not task.enabled  # an operator's pause outlives a restart


def test_every_task_that_is_scheduled_exists() -> None:
    app.loader.import_default_modules()
    schedules_ensure()
    scheduled = set(PeriodicTask.objects.values_list("task", flat=True)) - {
        "celery.backend_cleanup"
    }
    assert scheduled <= set(app.tasks)
