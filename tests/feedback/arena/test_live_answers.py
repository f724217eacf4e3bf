"""Answers from servers: streamed, stopped, failed, begun anew; each leaves the other alone."""

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from feedback.arena.answers.writing import answer_write
from feedback.pool.models import Comparison, Preference, Response, ResponseState
from feedback.registry.models import Provider
from tests.feedback.arena.builders import live
from tests.feedback.arena.model_server import WORDS

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = "".join(WORDS)
NOBODY = "http://127.0.0.1:9"


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "it did not happen in a minute"
        time.sleep(0.05)


def ask(client: Client, text: str = "How do vector clocks work?") -> str:
    """The address of a new conversation, once its page was seen."""
    url = client.post(reverse("arena_ask"), {"text": text}).headers["Location"]
    client.get(url)
    return url


def answer_of(remote_name: str) -> Response:
    return Response.objects.filter(version__remote_name=remote_name).latest("created_at")


def ended(*remote_names: str) -> bool:
    return all(answer_of(name).state != ResponseState.WRITING for name in remote_names)


def said(client: Client, url: str) -> str:
    page = client.get(url).content.decode()
    return page.split('id="said">')[1].split("<")[0]


def test_two_servers_answer_and_the_key_stays_in_the_environment(
    alice, client_of, model_server, monkeypatch
):
    monkeypatch.setenv("THEIR_KEY", "very-secret")
    live("quick", model_server.url, "THEIR_KEY")
    plain = live("plain", model_server.url)
    plain.sampling = {"temperature": 0.5}
    plain.save()
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", "plain"))
    assert [answer_of(name).text for name in ("quick", "plain")] == [TEXT, TEXT]
    assert answer_of("quick").latency_ms is not None
    calls = {body["model"]: (body, headers) for body, headers in model_server.asked}
    assert calls["quick"][1]["Authorization"] == "Bearer very-secret"
    assert "Authorization" not in calls["plain"][1]
    assert calls["plain"][0]["temperature"] == 0.5
    assert calls["quick"][0]["messages"] == [
        {"role": "user", "content": "How do vector clocks work?"}
    ]
    stored = json.dumps(
        list(Provider.objects.values()) + list(Response.objects.values()), default=str
    )
    assert "very-secret" not in stored + browser.get(url).content.decode()


@pytest.mark.parametrize(
    ("remote_name", "reason"),
    [("broken", "status 500"), ("mute", "empty answer"), ("garbled", "unreadable answer")],
)
def test_one_that_fails_loses_neither_the_message_nor_the_other(
    alice, client_of, model_server, remote_name, reason
):
    live("quick", model_server.url)
    live(remote_name, model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", remote_name))
    assert (answer_of(remote_name).state, answer_of(remote_name).error) == ("failed", reason)
    assert answer_of("quick").text == TEXT
    comparison = Comparison.objects.get()
    place = 1 if comparison.response_a == answer_of(remote_name) else 2
    assert said(browser, url) == f"Answer {place} did not arrive. Your message is safe."
    answer_of(remote_name).version.__class__.objects.filter(remote_name=remote_name).update(
        remote_name="plain"
    )
    browser.post(f"{url}retry/")
    browser.get(url)
    until(lambda: ended("plain"))
    assert answer_of("plain").text == TEXT


def test_servers_that_are_down_are_told_and_a_missing_key_is_a_reason(alice, client_of):
    live("quick", NOBODY)
    live("plain", NOBODY, "NO_SUCH_KEY")
    browser = client_of(alice)
    started = time.monotonic()
    url = ask(browser)
    assert time.monotonic() - started < 15
    until(lambda: ended("quick", "plain"))
    assert said(browser, url) == "No model can answer now. We kept your message."
    assert "How do vector clocks work?" in browser.get(url).content.decode()
    assert answer_of("quick").error == "unreachable"
    assert answer_of("plain").error == "no key in NO_SUCH_KEY"


def test_an_answer_that_is_still_writing_can_be_stopped_and_judged(alice, client_of, model_server):
    live("quick", model_server.url)
    live("slow", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick") and answer_of("slow").text != "")
    growing = browser.get(url).content.decode()
    assert "Stop and judge now" in growing
    assert f'data-stream="{url}stream/"' in growing
    judgment = {"comparison": Comparison.objects.get().public_id, "choice": "1", "key": "k"}
    assert browser.post(reverse("arena_judge"), judgment).status_code == 409
    browser.post(f"{url}stop/")
    kept = answer_of("slow").text
    assert TEXT.startswith(kept)
    model_server.go_on.set()
    time.sleep(0.8)  # the server goes on; nobody listens
    assert (answer_of("slow").state, answer_of("slow").text) == ("stopped", kept)
    assert browser.post(reverse("arena_judge"), judgment).status_code == 303
    assert Preference.objects.count() == 1


def test_an_answer_whose_process_died_is_begun_anew_and_the_dead_one_changes_nothing(
    alice, client_of, model_server
):
    live("quick", model_server.url)
    live("slow", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: answer_of("slow").text != "")
    row = Response.objects.filter(pk=answer_of("slow").pk)
    row.update(writing_until=timezone.now() + timedelta(seconds=60))  # another has claimed it
    model_server.go_on.set()
    time.sleep(0.8)
    assert answer_of("slow").state == ResponseState.WRITING
    answer_write(answer_of("slow").pk)
    assert len(model_server.asked) == 2
    row.update(writing_until=timezone.now() - timedelta(seconds=1))
    browser.get(url)
    until(lambda: ended("slow"))
    assert answer_of("slow").text == TEXT
    assert len(model_server.asked) == 3


def test_a_model_that_gives_itself_away_is_marked_when_it_has_answered(
    alice, client_of, model_server
):
    live("quick", model_server.url)
    live("vain", model_server.url)
    ask(client_of(alice))
    until(lambda: ended("quick", "vain"))
    assert answer_of("vain").names_its_model
    assert not answer_of("quick").names_its_model
    assert Comparison.objects.get().unranked_reason == "names_model"
