"""Schedules: created, paused, run now, deleted; nonsense is refused with a reason."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django_celery_beat.models import PeriodicTask

from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import Contributor
from feedback.training.models import TrainingRun
from feedback.training.schedules.services import (
    TASK,
    default_schedules_create,
    schedule_create,
    schedules_list,
)

pytestmark = pytest.mark.django_db


def test_a_schedule_every_n_hours_and_one_by_a_cron_line(olivia: Contributor) -> None:
    first = schedule_create(kind="reward", every_hours=6, actor=olivia)
    second = schedule_create(kind="ranking", cron="10 3 * * *", actor=olivia)
    third = schedule_create(kind="policy", cron="*/30 2 * * 0", actor=olivia)
    assert (first.words, second.words) == ("every 6 hours", "every day at 03:10 UTC")
    assert third.words == "*/30 2 * * 0 UTC"
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


def test_defaults_are_made_once_and_stay_away_when_an_operator_deletes_them() -> None:
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


def test_the_page_creates_pauses_runs_and_deletes(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    browser = client_of(olivia)
    browser.post("/schedules/", {"kind": "ranking", "every_hours": "12"})
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


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    answer = client_of(olivia).post("/schedules/", {"kind": "telepathy", "every_hours": "7"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "There is no kind of training named" in page
    assert 'value="7"' in page


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
        assert browser.post("/schedules/", {"kind": "ranking"}).status_code == 403
