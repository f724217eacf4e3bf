"""Going on: before a judgment each model from its own answer, after it both from the better one."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from feedback.arena.answers.writing import NAMES_MODEL
from feedback.people.services import apikey_create
from feedback.pool.models import Comparison, Preference, Response, Turn
from feedback.ranking.models import VoteTally
from feedback.routing.models import ModelRoute
from tests.feedback.arena.builders import live, two_recorded
from tests.feedback.arena.model_server import WORDS
from tests.feedback.arena.test_live_answers import ask, ended, until

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = "".join(WORDS)


@pytest.fixture
def talk(alice, client_of, model_server) -> tuple[Client, str]:
    """Alice, who has asked, and the address of her conversation; both answers are there."""
    live("quick", model_server.url)
    live("echo", model_server.url)
    browser = client_of(alice)
    url = ask(browser, "First?")
    until(lambda: ended("quick", "echo"))
    return browser, url


def go_on(browser: Client, url: str, text: str) -> Comparison:
    """Ask a follow-up and wait for its answers."""
    position = Turn.objects.filter(conversation__source="arena").count()
    assert browser.post(f"{url}follow-up/", {"text": text}).status_code == 303
    browser.get(url)
    until(lambda: ended("quick", "echo"))
    return Comparison.objects.get(turn__position=position)


def judge(browser: Client, comparison: Comparison, choice: str = "2") -> None:
    form = {"comparison": comparison.public_id, "choice": choice, "key": comparison.public_id}
    assert browser.post(reverse("arena_judge"), form).status_code == 303


def asked_of(model_server, name: str) -> list[dict[str, str]]:
    return [body["messages"] for body, _ in model_server.asked if body["model"] == name][-1]


def test_before_a_judgment_each_model_sees_its_own_history(talk, model_server):
    browser, url = talk
    comparison = go_on(browser, url, "Second?")
    for name, said in (("quick", TEXT), ("echo", "You asked: First?")):
        assert asked_of(model_server, name) == [
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": said},
            {"role": "user", "content": "Second?"},
        ]
    assert comparison.response_a is None  # no prompt that both texts answer
    assert comparison.unranked_reason == ""
    page = browser.get(url).content.decode()
    assert page.count("You asked: First?") == 1
    assert "You asked: Second?" in page
    judge(browser, comparison)
    assert VoteTally.objects.filter(topic=None).count() == 1
    first = Comparison.objects.get(turn__position=0)
    assert first.unranked_reason == "revealed"  # it was not judged while the names were hidden
    assert (comparison.version_a, comparison.version_b) == (first.version_a, first.version_b)
    assert ModelRoute.objects.count() == 1


def test_after_a_judgment_both_go_on_from_the_better_answer_and_nothing_ranks(talk, model_server):
    browser, url = talk
    first = Comparison.objects.get()
    judge(browser, first, "2")
    comparison = go_on(browser, url, "Second?")
    better = first.response_b.text
    expected = [
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": better},
        {"role": "user", "content": "Second?"},
    ]
    assert asked_of(model_server, "quick") == asked_of(model_server, "echo") == expected
    assert comparison.turn.messages == expected
    assert comparison.response_a is not None
    assert comparison.unranked_reason == "revealed"
    judge(browser, comparison, "1")
    assert Preference.objects.count() == 2
    assert sum(tally.n for tally in VoteTally.objects.filter(topic=None)) == 1
    assert "does not count in rankings" in browser.get(url).content.decode()


def test_nobody_goes_on_while_an_answer_is_missing(alice, client_of, model_server):
    live("quick", model_server.url)
    live("slow", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick"))
    early = browser.post(f"{url}follow-up/", {"text": "And <then>?"})
    assert early.status_code == 409
    assert "And &lt;then&gt;?</textarea>" in early.content.decode()
    assert Turn.objects.filter(conversation__source="arena").count() == 1


def test_a_recorded_answer_is_not_gone_on_from(alice, client_of):
    two_recorded()
    browser = client_of(alice)
    url = ask(browser)
    refused = browser.post(f"{url}follow-up/", {"text": "And then?"})
    assert refused.status_code == 503
    assert "We kept your message." in refused.content.decode()


def test_a_model_that_names_itself_later_marks_that_turn(alice, client_of, model_server):
    live("quick", model_server.url)
    vain = live("echo", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", "echo"))
    model_server.acts_as["echo"] = "vain"
    browser.post(f"{url}follow-up/", {"text": "Who are you?"})
    browser.get(url)
    until(lambda: ended("quick", "echo"))
    comparison = Comparison.objects.get(turn__position=1)
    assert comparison.unranked_reason == NAMES_MODEL
    judge(browser, comparison)
    place = 1 + (comparison.version_b == vain)
    page = browser.get(url).content.decode()
    assert f"Answer {place} speaks of its own name or maker" in page
    assert not VoteTally.objects.exists()


def test_a_judgment_over_the_api_lifts_the_veil_as_well(talk, alice, client):
    browser, url = talk
    go_on(browser, url, "Second?")
    first, second = Comparison.objects.order_by("turn__position")
    key = apikey_create(contributor=alice, name="k", scopes=["preferences:write"])
    answer = client.post(
        "/api/v1/preferences/",
        json.dumps({"comparison": first.public_id, "choice": "a"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "1"},
    )
    assert answer.status_code == 201
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.turn.conversation.revealed_at is not None
    assert (first.unranked_reason, second.unranked_reason) == ("", "revealed")
    judge(browser, second)
    assert sum(tally.n for tally in VoteTally.objects.filter(topic=None)) == 1


def test_somebody_elses_judgment_over_the_api_reveals_nothing_to_the_author(talk, bob, client):
    comparison = Comparison.objects.get()
    key = apikey_create(contributor=bob, name="k", scopes=["preferences:write"])
    answer = client.post(
        "/api/v1/preferences/",
        json.dumps({"comparison": comparison.public_id, "choice": "a"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "1"},
    )
    assert answer.status_code == 201
    assert Comparison.objects.get().turn.conversation.revealed_at is None
    assert Response.objects.filter(own_messages__isnull=True).count() == 2
