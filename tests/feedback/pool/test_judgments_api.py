"""Judgments and reactions from other clients, over HTTP."""

import json

import pytest
from django.test import Client

from feedback.people.services import apikey_create
from feedback.pool.models import Preference, Reaction
from tests.feedback.builders import make_comparison


@pytest.fixture
def post(alice):
    key = apikey_create(contributor=alice, name="test", scopes=["preferences:write"])

    def send(path, body, idempotency_key="key-1"):
        return Client().post(
            f"/api/v1/{path}",
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": idempotency_key},
        )

    return send


@pytest.fixture
def comparison(db):
    return make_comparison()


def test_a_judgment_is_stored_and_a_repeat_is_the_same(post, comparison):
    body = {"comparison": comparison.public_id, "choice": "b", "confidence": 0.5}
    first, again = post("preferences/", body), post("preferences/", body)
    assert (first.status_code, again.status_code) == (201, 200)
    preference = Preference.objects.get()
    labels = [comparison.version_a.label, comparison.version_b.label]
    assert first.json() == again.json() == {"preference": preference.public_id, "models": labels}
    assert (preference.choice, preference.role, preference.source) == ("b", "third_party", "api")


def test_who_asked_judges_as_the_author(post, comparison, alice):
    conversation = comparison.turn.conversation
    conversation.contributor = alice
    conversation.save()
    post("preferences/", {"comparison": comparison.public_id, "choice": "a"})
    assert Preference.objects.get().role == "author"


def test_another_judgment_is_a_conflict(post, comparison):
    body = {"comparison": comparison.public_id, "choice": "a"}
    post("preferences/", body)
    other = body | {"choice": "tie"}
    same_key, new_key = post("preferences/", other), post("preferences/", other, "key-2")
    assert same_key.json()["error"]["code"] == "idempotency_conflict"
    assert new_key.json()["error"]["code"] == "already_judged"
    assert (same_key.status_code, new_key.status_code) == (409, 409)
    assert Preference.objects.count() == 1


@pytest.mark.parametrize("name", ["nosuchcomparison", "%00", "-", "ä"])
def test_a_comparison_that_is_not_there_is_404(post, comparison, name):
    answer = post("preferences/", {"comparison": name, "choice": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_comparison")


def test_an_unknown_choice_is_named(post, comparison):
    answer = post("preferences/", {"comparison": comparison.public_id, "choice": "1"})
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["choice"])


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("thumb", "up", 1),
        ("thumb", -1, -1),
        ("edit", "Better so.", "Better so."),
        ("copy", None, None),
        ("regenerate", None, None),
    ],
)
def test_a_reaction_is_kept_apart_from_preferences(post, comparison, kind, value, stored):
    public_id = comparison.response_a.public_id
    answer = post(f"responses/{public_id}/reactions/", {"kind": kind, "value": value})
    assert (answer.status_code, answer.json()) == (201, {"kind": kind, "value": stored})
    reaction = Reaction.objects.get()
    assert (reaction.response, reaction.value) == (comparison.response_a, stored)


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("applause", None, "kind"),
        ("thumb", None, "value"),
        ("thumb", "sideways", "value"),
        ("thumb", [1], "value"),
        ("edit", "\x00", "value"),
        ("edit", "\ud800", "value"),
        ("edit", 3, "value"),
        ("copy", "text", "value"),
    ],
)
def test_a_reaction_that_says_nothing_is_refused(post, comparison, kind, value, field):
    public_id = comparison.response_a.public_id
    answer = post(f"responses/{public_id}/reactions/", {"kind": kind, "value": value})
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [field])
    assert not Reaction.objects.exists()


def test_a_response_that_is_not_there_is_404(post, comparison):
    assert post("responses/nosuchresponse/reactions/", {"kind": "copy"}).status_code == 404
    assert post("responses/%00/reactions/", {"kind": "copy"}).status_code == 404
