"""What an answer waits for, what is begun once more by itself, and what is marked and reported."""

import html
import threading
import time

import pytest
from django.urls import reverse

from feedback.arena.answers import second_tries, writing
from feedback.arena.answers.draft import CLAIM
from feedback.arena.answers.second_tries import SecondTries, can_differ, other_seed
from feedback.arena.answers.writing import FLAWED
from feedback.operations.metrics import exposition
from feedback.pool.models import Comparison, Response, ResponseState
from feedback.pool.moderation.models import Report
from feedback.ranking.selectors import leaderboard
from feedback.registry.errors import NoAnswerError
from feedback.registry.models import Provider
from feedback.text.flaws import Flaw
from tests.feedback.arena.builders import live
from tests.feedback.arena.model_server import WORDS
from tests.feedback.arena.test_live_answers import answer_of, ask, ended, said, until
from tests.feedback.builders import make_version

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = "".join(WORDS)


@pytest.fixture
def hasty(monkeypatch) -> None:
    """Whoever waits for a server gives up after two seconds."""
    monkeypatch.setattr(second_tries, "PATIENCE", 2.0)


def test_patience_is_counted_from_a_failure_and_not_from_the_question(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(second_tries.time, "monotonic", lambda: clock[0])
    tries = SecondTries(make_version())
    busy, broken = NoAnswerError("busy", retry_after=0.0), NoAnswerError("broken off")
    unreachable = NoAnswerError("unreachable")
    clock[0] = 100.0
    pauses = []
    while (pause := tries.pause(busy)) is not None:
        pauses.append(pause)
        clock[0] += pause
    assert pauses == [1.0, 2.0, 4.0, 8.0]  # sixteen more would be too long
    clock[0] = 300.0
    assert tries.pause(unreachable) is None  # it was never there
    assert tries.pause(broken) == 1.0  # an answer that had come for long
    for _ in range(28):
        clock[0] += 1.0
        assert tries.pause(unreachable) == 1.0
    clock[0] += 2.0
    assert tries.pause(unreachable) is None
    assert tries.pause(broken) is None  # once
    assert tries.pause(NoAnswerError("timeout")) is None


def test_a_loop_is_cut_off_asked_for_once_more_and_the_second_answer_stands(
    alice, olivia, client_of, model_server
):
    version = live("dizzy", model_server.url)
    version.sampling = {"seed": 41}
    version.save()
    live("quick", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("dizzy", "quick"))
    answer = answer_of("dizzy")
    assert (answer.state, answer.text, answer.error) == (ResponseState.FINISHED, TEXT, "")
    assert answer.flaw == Flaw.REPETITION
    assert answer.sampling == {"seed": 42}
    assert model_server.left.wait(10), "the loop was not hung up on"
    assert [body["seed"] for body, _ in model_server.asked if "seed" in body] == [41, 42]
    assert Provider.objects.get().failures == 0
    comparison = Comparison.objects.get()
    assert comparison.unranked_reason == FLAWED
    judgment = {"comparison": comparison.public_id, "choice": "1", "key": "k"}
    assert browser.post(reverse("arena_judge"), judgment).status_code == 303
    assert "had to be begun once more" in browser.get(url).content.decode()
    assert not leaderboard().rows
    report = Report.objects.get()
    assert (report.reporter, report.response, report.reason) == (None, answer, "flawed")
    assert "It is a good question." in report.text
    page = client_of(olivia).get(reverse("reports")).content.decode()
    assert "this site" in page
    assert "It is a good question." in page
    page = client_of(olivia).get(reverse("version", args=[version.pk])).content.decode()
    assert "1 answer of the last week was caught as broken" in page
    line = b'feedback_flawed_answers_last_hour{version="Dizzy Model"} 1.0'
    assert line in exposition()


@pytest.mark.parametrize(
    ("remote_name", "flaw", "words"),
    [
        ("loop", Flaw.REPETITION, "The model repeated itself without end."),
        ("garbage", Flaw.UNREADABLE, "The model sent characters that cannot be read."),
        ("blank", Flaw.EMPTY, "The model sent no text."),
    ],
)
def test_a_second_flaw_is_the_end_and_is_reported_once(
    alice, client_of, model_server, remote_name, flaw, words
):
    live("quick", model_server.url)
    live(remote_name, model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("quick", remote_name))
    answer = answer_of(remote_name)
    assert (answer.state, answer.flaw, answer.error) == (ResponseState.FAILED, flaw, flaw)
    assert len(model_server.asked) == 3
    assert Report.objects.count() == 1
    page = browser.get(url).content.decode()
    assert words in page
    assert "Try again" in page
    assert TEXT in page
    assert Provider.objects.get().failures == 0
    if answer.text:  # what came may be judged, and does not count
        browser.post(f"{url}stop/")
        assert Comparison.objects.get().unranked_reason == FLAWED


def test_a_model_that_draws_nothing_is_not_asked_for_the_same_again(alice, client_of, model_server):
    live("quick", model_server.url)
    version = live("loop", model_server.url)
    version.sampling = {"temperature": 0}
    version.save()
    ask(client_of(alice))
    until(lambda: ended("quick", "loop"))
    assert len(model_server.asked) == 2
    assert can_differ({"temperature": 0.1})
    assert other_seed({"temperature": 1}) == {}


def test_a_full_server_is_asked_again_when_it_says_and_is_not_unwell(
    alice, client_of, model_server
):
    live("crowded", model_server.url)
    live("quick", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: answer_of("crowded").error == "busy")
    assert "Waiting for a free place…" in browser.get(url).content.decode()
    assert "is waiting for a free place." in said(browser, url)
    until(lambda: ended("crowded", "quick"))
    assert answer_of("crowded").text == TEXT
    provider = Provider.objects.get()
    assert (provider.failures, provider.resting_until) == (0, None)


@pytest.mark.usefixtures("hasty")
def test_one_that_stays_full_has_failed_and_others_may_still_ask_it(alice, client_of, model_server):
    live("full", model_server.url)
    live("quick", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: ended("full", "quick"))
    assert "The model is busy now." in browser.get(url).content.decode()
    assert 2 <= sum(body["model"] == "full" for body, _ in model_server.asked) <= 3
    assert Provider.objects.get().resting_until is None
    model_server.acts_as["full"] = "quick"
    browser.post(f"{url}retry/")
    browser.get(url)
    until(lambda: ended("full"))
    assert answer_of("full").text == TEXT


def test_comments_of_a_queue_renew_the_claim_and_the_page_says_that_it_waits(
    alice, client_of, model_server
):
    live("queue", model_server.url)
    live("quick", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: answer_of("queue").error == "waiting")
    first = answer_of("queue").writing_until
    until(lambda: answer_of("queue").writing_until > first)
    assert "Waiting for a free place…" in browser.get(url).content.decode()
    model_server.go_on.set()
    until(lambda: ended("queue"))
    assert (answer_of("queue").text, answer_of("queue").error) == (TEXT, "")


def test_one_model_by_name_waits_in_the_same_words(alice, client_of, model_server):
    live("queue", model_server.url)
    browser = client_of(alice)
    form = {"text": "How do vector clocks work?", "mode": "assist"}
    url = browser.post(reverse("arena_ask"), form).headers["Location"]
    browser.get(url)
    until(lambda: answer_of("queue").error == "waiting")
    assert said(browser, url) == "The answer is waiting for a free place."
    model_server.go_on.set()
    until(lambda: ended("queue"))
    assert said(browser, url) == "The answer has finished."


def test_one_that_breaks_off_is_begun_once_more_by_itself(alice, client_of, model_server):
    live("falls", model_server.url)
    live("quick", model_server.url)
    ask(client_of(alice))
    until(lambda: ended("falls", "quick"))
    answer = answer_of("falls")
    assert (answer.state, answer.text, answer.flaw) == (ResponseState.FINISHED, TEXT, "")
    assert Comparison.objects.get().unranked_reason == ""
    assert Provider.objects.get().failures == 0


def test_what_had_come_stays_where_the_second_try_brings_nothing(alice, client_of, model_server):
    live("half", model_server.url)
    live("quick", model_server.url)
    ask(client_of(alice))
    until(lambda: answer_of("half").error == "broken off")
    model_server.acts_as["half"] = "broken"
    until(lambda: ended("half"))
    answer = answer_of("half")
    assert answer.state == ResponseState.FAILED
    assert answer.text == "Vector clocks count "


def test_a_prompt_that_is_too_long_says_by_how_much_and_comes_back(
    alice, bob, client_of, model_server
):
    live("short", model_server.url)
    live("quick", model_server.url)
    browser = client_of(alice)
    url = ask(browser, "Why? " * 800)
    until(lambda: ended("short", "quick"))
    page = browser.get(url).content.decode()
    assert "Your message has 2\u202f311 tokens; the model reads at most 2\u202f047." in page
    assert "Why? Why? Why?" in page
    assert Provider.objects.get().failures == 0
    link = page.split('href="')
    (shorten,) = [html.unescape(part.split('"')[0]) for part in link if "shorten=" in part[:200]]
    draft = browser.get(shorten).content.decode()
    assert "Why? " * 799 + "Why?" in draft.split("<textarea")[1]
    assert client_of(bob).get(shorten).status_code == 404


def test_who_stops_frees_the_server_at_once(alice, client_of, model_server):
    """The server says one new thing after another, and notices when nobody listens any more."""
    live("quick", model_server.url)
    live("endless", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: bool(answer_of("endless").text))
    assert not model_server.left.is_set()
    stopped = time.monotonic()
    assert browser.post(f"{url}stop/").status_code == 303
    assert model_server.left.wait(10)
    assert time.monotonic() - stopped < 2
    assert answer_of("endless").state == ResponseState.STOPPED
    assert answer_of("endless").flaw == ""


def test_beyond_what_a_process_writes_at_once_answers_wait_and_are_begun(
    alice, client_of, model_server, monkeypatch
):
    monkeypatch.setattr(writing, "_slots", threading.BoundedSemaphore(1))
    live("slow", model_server.url)
    live("quick", model_server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: Response.objects.exclude(writing_until=None).count() == 1)
    Response.objects.filter(writing_until=None).update(
        created_at=Response.objects.latest("created_at").created_at - CLAIM
    )
    assert "waiting for a free place" in said(browser, url).lower()
    model_server.go_on.set()

    def looked() -> bool:
        browser.get(url)
        return ended("slow", "quick")

    until(looked)
    assert {answer.text for answer in Response.objects.all()} == {TEXT}
