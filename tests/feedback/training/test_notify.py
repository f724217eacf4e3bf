"""The message to the workers is sent by name: the name is a task's, and its queue is the GPU's."""

import pytest
from kombu.exceptions import OperationalError

from config.celery import app
from feedback.training import notify
from feedback.training.notify import RUN_NEXT, workers_notify


def test_the_name_is_that_of_a_task_on_the_queue_of_the_devices() -> None:
    app.loader.import_default_modules()
    assert RUN_NEXT in app.tasks
    assert app.amqp.router.route({}, RUN_NEXT)["queue"].name == "gpu"


def test_a_broker_that_is_away_loses_nothing_but_the_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_name: str) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(notify.current_app, "send_task", away)
    workers_notify()
    assert "beat will send one" in caplog.text
