"""One model by name: routed, regenerated, judged by a thumb or an edit, and kept apart."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from feedback.pool.models import Comparison, Conversation, Reaction, Response, Turn
from feedback.publication.shapes import SHAPES
from feedback.publication.shapes.base import ExportQuery
from feedback.routing.models import ModelRoute
from feedback.routing.policy import EXPLORE_FLOOR
from tests.feedback.arena.builders import QUESTION, live, record_question, replaying, two_recorded
from tests.feedback.arena.test_live_answers import ended, until
from tests.markup import tight

pytestmark = pytest.mark.django_db(transaction=True)


def ask(browser: Client, text: str = QUESTION) -> str:
    """The address of a conversation with one model, once its page was seen."""
    url = browser.post(reverse("arena_ask"), {"text": text, "mode": "assist"}).headers["Location"]
    browser.get(url)
    return url


def react(browser: Client, response: Response, value: str):
    return browser.post(reverse("arena_thumb", args=[response.public_id]), {"value": value})


def test_the_best_model_answers_by_name_and_no_comparison_comes_of_it(alice, client_of):
    two_recorded()
    browser = client_of(alice)
    page = browser.get(ask(browser)).content.decode()
    response = Response.objects.get(source="arena")
    assert response.version.label in page
    assert response.text in page
    conversation = Conversation.objects.get(source="arena")
    assert (conversation.mode, conversation.revealed_at is not None) == ("assist", True)
    assert not Comparison.objects.filter(turn__conversation=conversation).exists()
    route = ModelRoute.objects.get()
    assert (route.policy, route.chosen) == ("best", [response.version_id])
    assert all(one["propensity"] >= EXPLORE_FLOOR / 2 for one in route.considered)


def test_one_model_is_enough_and_none_keeps_the_message(alice, client_of):
    record_question({replaying("Ada"): "Alone."})
    browser = client_of(alice)
    assert "Alone." in browser.get(ask(browser)).content.decode()
    refused = browser.post(reverse("arena_ask"), {"text": "New?", "mode": "assist"})
    assert refused.status_code == 503
    page = refused.content.decode()
    assert "New?</textarea>" in page
    assert 'value="assist" checked' in page


def test_a_follow_up_goes_to_the_same_model_with_its_history(alice, client_of, model_server):
    live("quick", model_server.url)
    live("echo", model_server.url)
    browser = client_of(alice)
    url = ask(browser, "First?")
    until(lambda: Response.objects.get().state == "finished")
    first = Response.objects.get()
    assert browser.post(f"{url}follow-up/", {"text": "Second?"}).status_code == 303
    browser.get(url)
    until(lambda: not Response.objects.filter(state="writing").exists())
    second = Response.objects.get(turn__position=1)
    assert second.version == first.version
    assert model_server.asked[-1][0]["messages"] == [
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": first.text},
        {"role": "user", "content": "Second?"},
    ]
    page = browser.get(url).content.decode()
    assert page.count('class="answer solo"') == 2


def test_another_answer_is_a_reaction_and_a_double_press_is_one(alice, client_of):
    two_recorded()
    browser = client_of(alice)
    url = ask(browser)
    first = Response.objects.get(source="arena")
    for _ in range(2):
        assert browser.post(f"{url}again/", {"of": first.public_id}).status_code == 303
    answers = Response.objects.filter(source="arena").order_by("id")
    assert len({answer.version_id for answer in answers}) == 2
    assert answers.count() == 2
    assert [(r.kind, r.response) for r in Reaction.objects.all()] == [("regenerate", first)]
    page = browser.get(url).content.decode()
    assert "Answers before this one" in page
    assert "Another answer" not in page  # nobody else has recorded one
    last = browser.post(f"{url}again/", {"of": answers.last().public_id})
    assert last.status_code == 503
    assert Response.objects.filter(source="arena").count() == 2


def test_one_that_fails_is_asked_again_or_another_is(alice, client_of, model_server):
    live("broken", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("broken"))
    page = browser.get(url).content.decode()
    assert "The answer did not arrive. Your message is safe." in page
    assert "Try again" in page
    live("quick", model_server.url)
    failed = Response.objects.get()
    browser.post(f"{url}again/", {"of": failed.public_id})
    browser.get(url)
    until(lambda: ended("quick"))
    assert not Reaction.objects.exists()  # nothing was there to dislike
    model_server.acts_as["quick"] = "half"
    browser.post(f"{url}follow-up/", {"text": "And then?"})
    browser.get(url)
    until(lambda: ended("quick"))
    browser.post(f"{url}stop/")
    assert Response.objects.get(turn__position=1).state == "stopped"


def test_thumbs_and_edits_reach_the_pool_and_the_unpaired_export(alice, bob, client_of, settings):
    settings.PUBLICATION_DELAY_SECONDS = 0
    two_recorded()
    browser = client_of(alice)
    ask(browser)
    response = Response.objects.get(source="arena")
    assert react(client_of(bob), response, "up").status_code == 404
    for value in ("up", "up", "down"):  # pressed twice, then a change of mind
        assert react(browser, response, value).status_code == 303
    assert react(browser, response, "sideways").status_code == 400
    swapped = browser.post(
        reverse("arena_thumb", args=[response.public_id]),
        {"value": "down"},
        headers={"HX-Request": "true"},
    )
    assert 'value="down" aria-pressed="true"' in tight(swapped.content.decode())
    browser.post(reverse("arena_edit", args=[response.public_id]), {"text": "As it should be."})
    assert [r.value for r in Reaction.objects.order_by("id")] == [1, -1, "As it should be."]
    rows = [
        row for chunk in SHAPES["unpaired"].chunks(ExportQuery(shape="unpaired")) for row in chunk
    ]
    prompt = [{"role": "user", "content": QUESTION}]
    assert [(row["prompt"], row["completion"][0]["content"], row["label"]) for row in rows] == [
        (prompt, response.text, False),
        (prompt, "As it should be.", True),
    ]


def test_an_answer_to_its_own_history_is_exported_with_that(
    alice, client_of, model_server, settings
):
    settings.PUBLICATION_DELAY_SECONDS = 0
    live("quick", model_server.url)
    live("echo", model_server.url)
    browser = client_of(alice)
    form = {"text": "First?", "mode": "duel"}
    url = browser.post(reverse("arena_ask"), form).headers["Location"]
    browser.get(url)
    until(lambda: ended("quick", "echo"))
    browser.post(f"{url}follow-up/", {"text": "Second?"})
    browser.get(url)
    until(lambda: ended("quick", "echo"))
    comparison = Comparison.objects.get(turn__position=1)
    judgment = {"comparison": comparison.public_id, "choice": "1", "key": "k"}
    browser.post(reverse("arena_judge"), judgment)
    echo = Response.objects.get(turn__position=1, version__remote_name="echo")
    react(browser, echo, "up")
    rows = [
        row for chunk in SHAPES["unpaired"].chunks(ExportQuery(shape="unpaired")) for row in chunk
    ]
    assert rows[0]["prompt"][1] == {"role": "assistant", "content": "You asked: First?"}
    assert json.dumps(rows[0]["completion"]) == json.dumps(
        [{"role": "assistant", "content": "You asked: Second?"}]
    )


def test_each_mode_keeps_to_its_own_actions(alice, client_of):
    two_recorded()
    browser = client_of(alice)
    assist = ask(browser)
    duel = browser.post(reverse("arena_ask"), {"text": QUESTION}).headers["Location"]
    answer = Response.objects.filter(turn__conversation__mode="duel", source="arena").first()
    assert browser.post(f"{duel}again/", {"of": answer.public_id}).status_code == 404
    assert browser.post(f"{assist}replace/").status_code == 404
    assert Turn.objects.filter(conversation__source="arena").count() == 2
