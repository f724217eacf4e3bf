"""Too often: the API answers in the contract's shape, a page in words that a person understands."""

import pytest
from django.test import Client

from feedback.people.models import Contributor
from feedback.people.rate_limits import throttling
from feedback.people.rate_limits.limits import Rate
from feedback.people.services import apikey_create

pytestmark = pytest.mark.django_db
ONCE = Rate(1, per=3600)
WRITE = "/api/v1/preferences/2222222222222222/withdraw/"  # an id that is well formed and of nothing


def key_of(contributor: Contributor) -> dict[str, str]:
    key = apikey_create(contributor=contributor, name="test", scopes=["preferences:write"])
    return {"Authorization": f"Bearer {key}"}


def test_a_key_that_writes_too_often_is_told_when_to_come_back(alice, monkeypatch):
    monkeypatch.setattr(throttling, "KEY_WRITES", ONCE)
    headers = key_of(alice)
    assert Client().post(WRITE, headers=headers).status_code == 404
    answer = Client().post(WRITE, headers=headers)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "rate_limited"
    assert 3590 < int(answer.headers["Retry-After"]) <= 3600


def test_keys_behind_one_address_are_counted_each_for_itself(alice, bob, monkeypatch):
    monkeypatch.setattr(throttling, "KEY_WRITES", ONCE)
    for contributor in (alice, alice, bob):
        assert Client().post(WRITE, headers=key_of(contributor)).status_code == 404


def test_reading_is_not_limited(alice, monkeypatch):
    monkeypatch.setattr(throttling, "KEY_WRITES", ONCE)
    headers = key_of(alice)
    for _ in range(3):
        assert Client().get("/api/v1/leaderboard/", headers=headers).status_code == 200


def test_a_person_in_a_browser_is_counted_over_all_browsers(alice, client_of, monkeypatch):
    monkeypatch.setattr(throttling, "PERSON_WRITES", ONCE)
    assert client_of(alice).post(WRITE).status_code == 404
    assert client_of(alice).post(WRITE).status_code == 429


def test_an_address_makes_only_so_many_contributors(monkeypatch):
    monkeypatch.setattr(throttling, "NEW_CONTRIBUTORS", ONCE)
    assert Client().post("/terms/").status_code == 302
    refused = Client().post("/terms/")
    assert refused.status_code == 429
    assert "Try again in 60 minutes; nothing was lost." in refused.content.decode()
    assert refused.headers["Retry-After"]
    assert Client().post("/terms/", REMOTE_ADDR="192.0.2.7").status_code == 302
    assert Contributor.objects.count() == 2


def test_who_is_there_already_is_not_counted(alice, client_of, monkeypatch):
    monkeypatch.setattr(throttling, "NEW_CONTRIBUTORS", ONCE)
    for _ in range(3):
        assert client_of(alice).post("/terms/").status_code == 302
