"""Runs over REST: who may read, who may ask, and what a wrong request is told."""

import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.training.execution.leases import run_claim
from feedback.training.models import Checkpoint, Promotion, TrainingRun
from feedback.training.services import run_request
from tests.feedback.builders import make_version

pytestmark = pytest.mark.django_db
URL = "/api/v1/training-runs/"


@pytest.fixture
def key_of() -> Callable[..., dict[str, str]]:
    """Headers with a fresh key of a contributor."""

    def headers(contributor: Contributor, *scopes: str) -> dict[str, str]:
        key = apikey_create(contributor=contributor, name="test", scopes=scopes)
        return {"Authorization": f"Bearer {key}"}

    return headers


def post(url: str, headers: dict[str, str], body: object = None) -> tuple[int, dict]:
    answer = Client().post(url, body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


def test_an_operator_with_the_scope_queues_a_run(olivia: Contributor, key_of) -> None:
    body = {"kind": "reward", "config": {"optim.num_train_epochs": 3}, "seed": 4}
    status, run = post(URL, key_of(olivia, "runs:write"), body)
    assert status == 201
    assert (run["state"], run["progress"], run["config"]) == ("queued", 0.0, body["config"])
    assert TrainingRun.objects.get().requested_by == olivia


def test_others_may_not_queue_cancel_or_promote(
    olivia: Contributor, alice: Contributor, stranger: Client, key_of
) -> None:
    run = run_request(kind="ranking")
    urls = (URL, f"{URL}{run.id}/cancel/", f"/api/v1/checkpoints/{uuid.uuid4()}/promote/")
    for url in urls:
        assert post(url, key_of(olivia, "pool:read"), {"kind": "reward"})[0] == 403
        assert post(url, key_of(alice, "runs:write"), {"kind": "reward"})[0] == 403
        assert stranger.post(url, {"kind": "reward"}).status_code == 401
    assert TrainingRun.objects.count() == 1


def test_anyone_with_a_key_reads_and_a_stranger_does_not(
    alice: Contributor, stranger: Client, key_of
) -> None:
    run = run_request(kind="ranking")
    answer = Client().get(f"{URL}{run.id}/", headers=key_of(alice, "pool:read"))
    assert answer.json()["number"] == run.number
    assert stranger.get(URL).status_code == 401


def test_the_list_pages_by_cursor_with_the_newest_first(alice: Contributor, key_of) -> None:
    numbers = [run_request(kind="ranking", seed=seed).number for seed in range(5)]
    headers, seen, url = key_of(alice, "pool:read"), [], f"{URL}?limit=2"
    while url:
        page = Client().get(url, headers=headers).json()
        seen += [run["number"] for run in page["results"]]
        url = page["next"]
    assert seen == sorted(numbers, reverse=True)


def test_an_unknown_kind_and_a_missing_one_are_told_apart(olivia: Contributor, key_of) -> None:
    headers = key_of(olivia, "runs:write")
    status, body = post(URL, headers, {"kind": "telepathy"})
    assert (status, body["error"]["code"]) == (400, "unknown_kind")
    status, body = post(URL, headers, {})
    assert (status, body["error"]["code"]) == (400, "invalid")
    assert "kind" in body["error"]["fields"]


def test_settings_that_the_trainer_would_refuse_are_named_before_anything_is_queued(
    olivia: Contributor, key_of
) -> None:
    config = {"optim.learning_rat": 0.1, "dropout": 2, "mode": "frozen", "loss.ties": None}
    status, body = post(URL, key_of(olivia, "runs:write"), {"kind": "reward", "config": config})
    assert (status, body["error"]["code"]) == (400, "invalid")
    fields = body["error"]["fields"]
    assert set(fields) == {"optim.learning_rat", "dropout", "loss.ties"}
    assert "did you mean optim.learning_rate?" in fields["optim.learning_rat"]
    assert "at least 0, below 1" in fields["dropout"]
    assert not TrainingRun.objects.exists()


def test_cancelling_works_once(olivia: Contributor, key_of) -> None:
    headers = key_of(olivia, "runs:write")
    run = run_request(kind="ranking")
    status, body = post(f"{URL}{run.id}/cancel/", headers)
    assert (status, body["state"]) == (200, "cancelled")
    status, body = post(f"{URL}{run.id}/cancel/", headers)
    assert (status, body["error"]["code"]) == (409, "run_is_over")


def test_what_is_not_there_is_a_404(olivia: Contributor, key_of) -> None:
    headers = key_of(olivia, "runs:write")
    assert Client().get(f"{URL}{uuid.uuid4()}/", headers=headers).status_code == 404
    assert post(f"{URL}{uuid.uuid4()}/cancel/", headers)[0] == 404
    assert post(f"/api/v1/checkpoints/{uuid.uuid4()}/promote/", headers)[0] == 404
    assert Client().get(f"{URL}not-an-id/", headers=headers).status_code == 404


def test_a_running_run_shows_its_attempt(alice: Contributor, key_of) -> None:
    run = run_request(kind="ranking")
    run_claim(worker="w")
    body = Client().get(f"{URL}{run.id}/", headers=key_of(alice, "pool:read")).json()
    assert (body["state"], body["attempt"]) == ("running", 1)


def test_the_list_asks_the_database_as_often_for_many_runs_as_for_one(
    alice: Contributor, key_of
) -> None:
    def finished(number: int) -> None:
        run = run_request(kind="policy", seed=number)
        checkpoint = Checkpoint.objects.create(
            run=run,
            kind="policy",
            version=number,
            path="",
            digest="d",
            files={},
            model_version=make_version(f"policy {number}"),
        )
        Promotion.objects.create(kind="policy", checkpoint=checkpoint)

    def asked() -> tuple[int, list[dict]]:
        with CaptureQueriesContext(connection) as queries:
            results = Client().get(URL, headers=headers).json()["results"]
        return len(queries), results

    headers = key_of(alice, "pool:read")
    finished(1)
    asked()  # what is read once a process is read now
    few, _ = asked()
    for number in range(2, 7):
        finished(number)
    many, results = asked()
    assert (len(results), many) == (6, few)
    assert results[0]["promoted"] is True
    assert results[0]["checkpoint"]["model"]
