"""`manage.py train`: prints JSON, follows a run to its end, says when nobody works."""

import io
import json
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from feedback.management.commands import train
from feedback.training.execution import worker
from feedback.training.models import RunState, TrainingRun
from tests.feedback.builders import judge, make_comparison, make_contributor


@pytest.mark.django_db
def test_it_queues_a_run_with_its_settings() -> None:
    out = io.StringIO()
    given = ["optim.num_train_epochs=3", "head.architecture=mlp", "train_baseline=false"]
    call_command("train", "reward", "--set", *given, "--seed", "2", stdout=out)
    body = json.loads(out.getvalue().splitlines()[-1])
    assert (body["state"], body["seed"]) == ("queued", 2)
    assert body["config"] == {
        "optim.num_train_epochs": 3,
        "head.architecture": "mlp",
        "train_baseline": False,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["telepathy"], "no kind of training named “telepathy”"),
        (["reward", "--set", "epochs"], "not of the form key=value"),
        (["reward", "--set", "optim.num_epochs=3"], "did you mean optim.num_train_epochs"),
        (["reward", "--set", "dropout=1.5"], "dropout: '1.5' is not at least 0, below 1"),
        (["reward", "--set", "epochs=3"], "it is called optim.num_train_epochs now"),
        (["reward", "--set", "seed=three"], "seed: 'three' is not an integer"),
    ],
)
def test_unusable_arguments_end_with_status_2(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as caught:
        call_command("train", *arguments)
    assert caught.value.returncode == 2
    assert not TrainingRun.objects.exists()


def work_until_done() -> None:
    """A worker in a thread of its own."""
    try:
        while not worker.next_run_execute():
            pass
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_with_wait_it_prints_the_finished_run(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path
    judge(make_comparison(), make_contributor())
    worker = threading.Thread(target=work_until_done)
    worker.start()
    out, err = io.StringIO(), io.StringIO()
    call_command("train", "ranking", "--wait", stdout=out, stderr=err)
    worker.join()
    body = json.loads(out.getvalue().splitlines()[-1])
    assert (body["state"], body["promoted"], body["progress"]) == ("succeeded", True, 1.0)
    assert body["checkpoint"]["version"] == 1
    assert len(body["metrics"]["models"]) == 2
    assert body["seconds"] > 0


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_is_exit_status_1_and_silence_is_said(
    settings, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(train, "SILENCE_SECONDS", 0.0)
    worker = threading.Timer(1.5, work_until_done)
    worker.start()
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="Nothing to train on") as caught:
        call_command("train", "ranking", "--wait", stdout=out, stderr=err)
    worker.join()
    assert caught.value.returncode == 1
    assert "No worker has taken it yet" in err.getvalue()
    assert json.loads(out.getvalue().splitlines()[-1])["state"] == RunState.FAILED
