"""The queue over HTTP, to the letter of the contract, for owner, member and stranger."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from feedback.campaigns.models import Assignment
from feedback.people.services import apikey_create, contributor_create
from feedback.pool.models import Preference
from tests.feedback.annotation.campaigns import make_campaign


class Api:
    """A client with a key."""

    def __init__(self, contributor, *scopes):
        self.client = Client()
        key = apikey_create(contributor=contributor, name="test", scopes=scopes or ["tasks:work"])
        self.headers = {"Authorization": f"Bearer {key}"}

    def post(self, path, body=None, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body or {})
        return self.client.post(
            f"/api/v1/{path}",
            data=data,
            content_type="application/json",
            headers=self.headers | headers,
        )

    def submit(self, token, body, key="key-1"):
        return self.post(f"tasks/{token}/submit/", body, **{"Idempotency-Key": key})


@pytest.fixture
def api(alice):
    return Api(alice)


@pytest.fixture
def campaign(db):
    return make_campaign(
        guidelines="Prefer what is true.", aspects=["helpful"], reasons=["It is wrong"]
    )


def test_next_is_blind_and_in_the_order_to_show(api, campaign):
    answer = api.post("tasks/next/", {"campaign": campaign.slug})
    assert answer.status_code == 200
    body = answer.json()
    assignment = Assignment.objects.get(token=body["assignment"])
    comparison = assignment.task.comparison
    texts = {"a": comparison.response_a.text, "b": comparison.response_b.text}
    assert body["responses"] == [texts[side] for side in assignment.order_shown]
    assert body["messages"] == comparison.turn.messages
    assert (body["aspects"], body["guidelines"]) == (["helpful"], "Prefer what is true.")
    assert set(body) == {
        "assignment",
        "lease_expires_at",
        "messages",
        "responses",
        "aspects",
        "guidelines",
    }
    assert comparison.version_a.label not in answer.content.decode()


def test_prefetch_leases_one_more_and_three_at_most(api, campaign):
    tokens = [api.post("tasks/next/", {"prefetch": True}).json()["assignment"] for _ in range(3)]
    assert len(set(tokens)) == 3
    assert api.post("tasks/next/", {"prefetch": True}).status_code == 204


def test_nothing_to_do_is_204_and_an_unknown_campaign_404(api, campaign):
    campaign.tasks.all().delete()
    assert api.post("tasks/next/").status_code == 204
    answer = api.post("tasks/next/", {"campaign": "no-such-thing"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_campaign")


def test_a_judgment_is_receipted_once_and_repeated_the_same(api, campaign):
    token = api.post("tasks/next/").json()["assignment"]
    body = {"choice": "2", "strength": 2, "aspects": {"helpful": "1"}, "rationale": "Shorter."}
    first = api.submit(token, body)
    again = api.submit(token, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    preference = Preference.objects.get()
    order = preference.order_shown
    comparison = preference.comparison
    labels = {"a": comparison.version_a.label, "b": comparison.version_b.label}
    assert first.json() == {
        "preference": preference.public_id,
        "models": [labels[side] for side in order],
    }
    assert (preference.choice, preference.aspects) == (order[1], {"helpful": order[0]})
    assert (preference.role, preference.campaign) == ("third_party", campaign)
    assert preference.consent.contributor.name == "alice"


def test_the_same_key_with_another_body_is_a_conflict(api, campaign):
    token = api.post("tasks/next/").json()["assignment"]
    api.submit(token, {"choice": "1"})
    answer = api.submit(token, {"choice": "2"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert Preference.objects.count() == 1


def test_the_same_key_for_another_task_is_a_conflict(api, campaign):
    first, second = (
        api.post("tasks/next/", {"prefetch": True}).json()["assignment"] for _ in range(2)
    )
    api.submit(first, {"choice": "tie"})
    answer = api.submit(second, {"choice": "tie"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_conflict")


def test_a_lost_lease_is_409_for_every_call(api, campaign):
    token = api.post("tasks/next/").json()["assignment"]
    Assignment.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for answer in (
        api.submit(token, {"choice": "1"}),
        api.post(f"tasks/{token}/skip/", {"reason": "other"}),
        api.post(f"tasks/{token}/renew/"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "lease_lost")
    assert not Preference.objects.exists()


def test_skip_and_renew_say_where_the_assignment_stands(api, campaign):
    token = api.post("tasks/next/").json()["assignment"]
    renewed = api.post(f"tasks/{token}/renew/")
    assert (renewed.status_code, renewed.json()["state"]) == (200, "live")
    for _ in range(2):
        skipped = api.post(f"tasks/{token}/skip/", {"reason": "unsafe"})
        assert (skipped.status_code, skipped.json()["state"]) == (200, "skipped")
    assert api.post("tasks/next/").json()["assignment"] != token


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"choice": "a"}, "choice"),
        ({}, "choice"),
        ({"choice": "tie", "strength": 2}, "strength"),
        ({"choice": "1", "strength": 10**6}, "strength"),
        ({"choice": "1", "confidence": 2}, "confidence"),
        ({"choice": "1", "aspects": {"colour": "1"}}, "aspects"),
        ({"choice": "1", "aspects": {"helpful": "red"}}, "aspects"),
        ({"choice": "1", "aspects": {"\x00": "1"}}, "aspects"),
        ({"choice": "1", "rationale": "x" * 10_001}, "rationale"),
        ({"choice": "1", "rationale": "\x00"}, "rationale"),
        ({"choice": "1", "rationale": "\ud800"}, "rationale"),
        ({"choice": "1", "reasons": ["x" * 65]}, "reasons"),
        ({"choice": "1", "reasons": ["It is wrong", "It is long"]}, "reasons"),
        ({"choice": "1", "duration_ms": -1}, "duration_ms"),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_named(api, campaign, body, field):
    token = api.post("tasks/next/").json()["assignment"]
    answer = api.submit(token, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"
    assert list(answer.json()["error"]["fields"]) == [field]
    assert not Preference.objects.exists()


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[1]", b'"1"', b"NaN"])
def test_a_body_that_is_not_an_object_is_refused(api, campaign, body):
    token = api.post("tasks/next/").json()["assignment"]
    assert api.submit(token, body).status_code == 400


@pytest.mark.parametrize("key", ["", "k" * 101, "schlüssel"])
def test_a_key_is_needed_and_is_short_and_printable(api, campaign, key):
    token = api.post("tasks/next/").json()["assignment"]
    answer = api.submit(token, {"choice": "1"}, key=key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_key")


@pytest.mark.parametrize("token", ["nope", "%00", "a-b", "'; drop table", "x" * 5000, "ä-ö"])
def test_an_unknown_or_malformed_assignment_is_404(api, campaign, token):
    assert api.submit(token, {"choice": "1"}).status_code == 404
    assert api.post(f"tasks/{token}/renew/").status_code == 404


def test_who_may_not_work_is_told_why(api, alice, bob, campaign):
    token = api.post("tasks/next/").json()["assignment"]
    assert Api(bob).submit(token, {"choice": "1"}).status_code == 404
    reader = Api(alice, "pool:read").post("tasks/next/")
    assert (reader.status_code, reader.json()["error"]["code"]) == (403, "permission_denied")
    stranger = Client().post("/api/v1/tasks/next/", "{}", content_type="application/json")
    assert stranger.status_code == 401
    silent = contributor_create(name="silent")
    undecided = Api(silent)
    token = undecided.post("tasks/next/").json()["assignment"]
    answer = undecided.submit(token, {"choice": "1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "consent_required")


def test_another_method_is_405(api, campaign):
    answer = api.client.get("/api/v1/tasks/next/", headers=api.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
