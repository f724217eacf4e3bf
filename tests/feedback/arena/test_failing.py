"""Endpoints that misbehave: the message and the other answer stay, and words say what happened."""

import time

import httpx
import pytest
from django.urls import reverse

from feedback.pool.models import Comparison, Preference, Response, ResponseState
from feedback.registry import providers
from feedback.routing.models import ModelRoute
from tests.feedback.arena.builders import live
from tests.feedback.arena.model_server import HOSTILE, HUGE, MIXED, WORDS
from tests.feedback.arena.test_live_answers import answer_of, ask, ended, said, until

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = "".join(WORDS)


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Servers that are silent for a second are given up, as others are after thirty."""
    monkeypatch.setattr(providers, "SILENCE", httpx.Timeout(1.0, connect=1.0))
    providers._client.cache_clear()
    yield
    providers._client.cache_clear()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("remote_name", "words", "kept"),
    [
        ("garbled", "What the model sent cannot be read.", ""),
        ("mute", "", ""),
        ("busy", "The model is busy now.", ""),
        ("broken", "The model’s server reported an error.", ""),
        ("half", "The model stopped in the middle of its answer.", "Vector clocks count "),
        ("never", "The model did not answer in time.", ""),
        ("blank", "The model sent no text.", ""),
    ],
)
def test_one_that_fails_loses_nothing_and_says_why(
    alice, client_of, model_server, remote_name, words, kept
):
    live("quick", model_server.url)
    live(remote_name, model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", remote_name))
    failed = answer_of(remote_name)
    assert (failed.state, failed.text.strip()) == (ResponseState.FAILED, kept.strip())
    page = browser.get(url).content.decode()
    assert words in page
    assert TEXT in page
    assert "How do vector clocks work?" in page
    assert "Your message is safe." in said(browser, url)
    assert "Try again" in page
    assert ("Judge what is there" in page) == bool(kept)
    model_server.go_on.set()


def test_what_broke_off_can_be_judged_as_it_is(alice, client_of, model_server):
    live("quick", model_server.url)
    live("half", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", "half"))
    comparison = Comparison.objects.get()
    judgment = {"comparison": comparison.public_id, "choice": "1", "key": "k"}
    assert browser.post(reverse("arena_judge"), judgment).status_code == 409
    browser.post(f"{url}stop/")
    assert answer_of("half").state == ResponseState.STOPPED
    assert browser.post(reverse("arena_judge"), judgment).status_code == 303
    assert Preference.objects.count() == 1


def test_another_model_takes_the_place_of_one_that_failed(alice, client_of, model_server):
    live("quick", model_server.url)
    live("broken", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", "broken"))
    before = Comparison.objects.get()
    side = "a" if before.version_a.remote_name == "broken" else "b"
    refused = browser.post(f"{url}replace/")
    assert refused.status_code == 503
    assert "No other model can answer this now." in refused.content.decode()
    assert "Ask another model" not in browser.get(url).content.decode()
    live("plain", model_server.url)
    assert "Ask another model" in browser.get(url).content.decode()
    assert browser.post(f"{url}replace/").status_code == 303
    assert browser.post(f"{url}replace/").status_code == 303  # a double press: nothing is failed
    browser.get(url)
    until(lambda: ended("plain"))
    after = Comparison.objects.get()
    assert after.public_id == before.public_id
    assert getattr(after, f"version_{side}").remote_name == "plain"
    assert getattr(after, f"response_{side}").text == TEXT
    other = "b" if side == "a" else "a"
    assert getattr(after, f"response_{other}") == getattr(before, f"response_{other}")
    assert answer_of("broken").state == ResponseState.FAILED  # it is kept as what happened
    assert sorted(len(route.chosen) for route in ModelRoute.objects.all()) == [1, 2]
    form = {"comparison": after.public_id, "choice": "tie", "key": "k"}
    assert browser.post(reverse("arena_judge"), form).status_code == 303
    assert "Why these two" in browser.get(url).content.decode()


def test_when_all_fail_the_message_is_kept_for_later(alice, client_of, model_server):
    live("broken", model_server.url)
    live("busy", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("broken", "busy"))
    assert said(browser, url) == "No model can answer now. We kept your message."
    model_server.acts_as |= {"broken": "quick", "busy": "plain"}
    type(answer_of("busy").version.provider).objects.update(failures=0, resting_until=None)
    browser.post(f"{url}retry/")
    browser.get(url)
    until(lambda: ended("broken", "busy"))
    assert [r.text for r in Response.objects.all()] == [TEXT, TEXT]


@pytest.mark.parametrize(("remote_name", "text"), [("mixed", MIXED), ("huge", HUGE.strip())])
def test_strange_texts_arrive_whole(alice, client_of, model_server, remote_name, text):
    live("quick", model_server.url)
    live(remote_name, model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", remote_name))
    assert answer_of(remote_name).text.strip() == text
    started = time.monotonic()
    page = browser.get(url)
    assert page.status_code == 200
    assert time.monotonic() - started < 20
    assert text[:1000] in page.content.decode()


def test_markup_of_a_model_is_shown_and_does_nothing(alice, client_of, model_server):
    live("quick", model_server.url)
    live("hostile", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", "hostile"))
    assert answer_of("hostile").text == HOSTILE
    page = browser.get(url).content.decode()
    place = 1 + (Comparison.objects.get().version_b.remote_name == "hostile")
    article = page.split(f'id="answer-{place}"')[1].split("</article>")[0]
    prose = article.split("hx-disable>")[1].split("</div>")[0]
    assert "<script" not in prose
    assert "<img" not in prose
    assert "<button" not in prose
    assert "javascript:" not in prose.split("click me")[0]
    assert 'href="javascript' not in page
    assert "&lt;script&gt;" in prose
