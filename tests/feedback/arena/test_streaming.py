"""The stream of growing answers, from a real server process: any process may serve any answer."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from feedback.arena.answers.streaming import Growing
from feedback.arena.presentation import START_TOGETHER
from feedback.pool.models import Comparison, Response, ResponseState
from feedback.text.rendering import render
from tests.feedback.arena.builders import live, record_question, replaying
from tests.feedback.arena.model_server import HOSTILE, MIXED, STORY, WORDS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
TEXT = "".join(WORDS)


def asked(browser: Client) -> str:
    """The path of a new conversation that nobody has looked at: nobody writes its answers yet."""
    form = {"text": "How do vector clocks work?"}
    return browser.post(reverse("arena_ask"), form).headers["Location"]


def events(browser: Client, url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a browser is sent, until the server ends it."""
    session = {"sessionid": browser.cookies["sessionid"].value}
    with httpx.stream("GET", f"{url}stream/", cookies=session, timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def seen(found: list[tuple[str, dict[str, Any]]], place: int) -> str:
    """The HTML of an answer that a page has put together from its events."""
    closed = last = ""
    for name, data in found:
        if name == "text" and data["place"] == place:
            closed = ("" if data["fresh"] else closed) + data["closed"]
            last = data["open"]
    return closed + last


def test_both_answers_are_streamed_and_the_end_brings_the_bar(
    alice, client_of, model_server, web_server
):
    live("story", model_server.url)
    model_server.go_on.set()
    live("plain", model_server.url)
    browser = client_of(alice)
    found = list(events(browser, web_server.url + asked(browser)))
    assert found[-1][0] == "end"
    stages = [data for name, data in found if name == "stage"]
    assert [stage["ready"] for stage in stages][-1] is True
    assert stages[-1]["said"] == "Both answers have finished."
    place = 1 + (Comparison.objects.get().version_b.remote_name == "story")
    pieces = [data for name, data in found if name == "text" and data["place"] == place]
    assert len([data for data in pieces if data["closed"]]) >= 2  # blocks that came one by one
    assert sum(data["fresh"] for data in pieces) == 1
    assert str(render(STORY)) in stages[-1]["answers"][str(place)]
    assert not any(
        version.label in json.dumps(found) for version in (r.version for r in responses())
    )


def responses() -> list[Response]:
    return list(Response.objects.select_related("version").order_by("id"))


def test_texts_wait_for_each_other_so_that_speed_betrays_nobody(
    alice, client_of, model_server, web_server
):
    live("quick", model_server.url)
    live("late", model_server.url)
    browser = client_of(alice)
    path = asked(browser)
    quick = Response.objects.get(version__remote_name="quick")
    found = []
    for event in events(browser, web_server.url + path):
        found.append(event)
        if "Vector clocks" in json.dumps(event):
            assert timezone.now() - quick.created_at >= START_TOGETHER
            model_server.go_on.set()
    assert found[-1][0] == "end"
    assert TEXT in json.dumps(found[-2])


def test_a_stream_holds_no_connection_while_answers_grow(
    alice, client_of, model_server, web_server
):
    live("slow", model_server.url)
    live("quick", model_server.url)
    browser = client_of(alice)
    path = asked(browser)
    before = connections()
    arrived: list[int] = []
    done: list[int] = []

    def watch(number: int) -> None:
        found = []
        for event in events(browser, web_server.url + path):
            found.append(event)
            if number not in arrived and event[0] == "text":
                arrived.append(number)
        done.append(number)
        slow = 1 + (Comparison.objects.get().version_b.remote_name == "slow")
        assert TEXT in found[-2][1]["answers"][str(slow)]
        connection.close()

    watchers = [threading.Thread(target=watch, args=(number,)) for number in range(40)]
    for watcher in watchers:
        watcher.start()
    until(lambda: len(arrived) == 40)  # more than the sixteen connections of the process
    assert connections() <= before + 16
    assert done == []
    model_server.go_on.set()
    for watcher in watchers:
        watcher.join(120)
    assert sorted(done) == list(range(40))


def connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend'"
        )
        return cursor.fetchone()[0]


def until(condition) -> None:
    ends = timezone.now() + timedelta(seconds=90)
    while not condition():
        assert timezone.now() < ends, "it did not happen in ninety seconds"
        threading.Event().wait(0.05)


def test_an_answer_survives_the_death_of_the_web_process(
    alice, client_of, model_server, web_server
):
    live("slow", model_server.url)
    live("quick", model_server.url)
    browser = client_of(alice)
    path = asked(browser)
    stream = events(browser, web_server.url + path)
    next(event for event in stream if event[0] == "text")
    until(lambda: Response.objects.get(version__remote_name="slow").text != "")
    web_server.kill()
    model_server.go_on.set()
    assert Response.objects.get(version__remote_name="slow").state == ResponseState.WRITING
    Response.objects.update(writing_until=timezone.now() - timedelta(seconds=1))  # 45 s later
    web_server.start()
    found = list(events(browser, web_server.url + path))
    assert found[-1][0] == "end"
    assert Response.objects.get(version__remote_name="slow").text == TEXT
    assert next(data["fresh"] for name, data in found if name == "text") is True


def test_a_stream_is_for_its_author_alone(
    alice, bob, client_of, stranger, web_server, model_server
):
    live("quick", model_server.url)
    live("plain", model_server.url)
    path = asked(client_of(alice))
    session = {"sessionid": client_of(bob).cookies["sessionid"].value}
    url = f"{web_server.url}{path}stream/"
    assert httpx.get(url, cookies=session).status_code == 404
    assert httpx.get(url).headers["Location"].startswith("/terms/")
    assert httpx.post(url, cookies=session).status_code in (403, 405)
    assert model_server.asked == []


@pytest.mark.parametrize("text", [STORY, HOSTILE, MIXED, "a\r\n\r\nb\rc\n\n- d", "x" * 5000])
def test_what_grew_is_in_the_end_what_the_whole_text_is(text):
    growing, closed, last = Growing(), "", ""
    for end in range(1, len(text) + 1, 7):
        if news := growing.news(text[:end]):
            closed = ("" if news["fresh"] else closed) + news["closed"]
            last = news["open"]
    news = growing.news(text) or {"fresh": False, "closed": "", "open": last}
    whole = closed + news["closed"] + news["open"]
    assert re.sub(r"\s+", " ", whole).strip() == re.sub(r"\s+", " ", render(text)).strip()


def test_nothing_is_sent_twice_and_another_text_begins_anew():
    growing = Growing()
    assert growing.news("")["fresh"]
    assert growing.news("") is None
    first = growing.news("One.\n\nTwo")
    assert ("One." in first["closed"], "Two" in first["open"]) == (True, True)
    second = growing.news("One.\n\nTwo.\n\nThree")
    assert "One." not in second["closed"] + second["open"]
    assert growing.news("Anew")["fresh"]


def test_a_recording_goes_no_faster_than_the_answer_beside_it(
    alice, client_of, model_server, web_server
):
    """Else speed would say which of the two is recorded."""
    recorded = "A recorded answer that is a good deal longer than what the other one says. " * 3
    question = record_question({replaying("Ada"): recorded}, "How do vector clocks work?")
    live("slow", model_server.url)
    browser = client_of(alice)
    form = {"recorded": question.conversation.public_id}
    path = browser.post(reverse("arena_ask"), form).headers["Location"]
    page = browser.get(path).content.decode()
    assert "Both answers are being written." in page
    assert page.count('aria-busy="true"') == 2
    assert recorded not in page
    found: list[tuple[str, dict[str, Any]]] = []
    for name, data in events(browser, web_server.url + path):
        found.append((name, data))
        texts = [seen(found, place) for place in (1, 2)]
        shown = [len(re.sub(r"<[^>]+>", "", text).strip()) for text in texts]
        stages = [data for name, data in found if name == "stage"]
        if not model_server.go_on.is_set():
            assert max(shown) <= len(TEXT)
            assert not any(stage["answers"] for stage in stages)
            if min(shown) > 0:
                model_server.go_on.set()
    # The rest of it comes at the pace that the other one had.
    assert re.fullmatch(r"Answer [12] is still writing\.", stages[-2]["said"])
    assert stages[-1]["said"] == "Both answers have finished."
    assert any(recorded.strip() in html for html in stages[-1]["answers"].values())


def test_a_short_recording_ends_when_the_other_has_come_as_far(
    alice, client_of, model_server, web_server
):
    question = record_question({replaying("Ada"): "Vec."}, "How do vector clocks work?")
    live("slow", model_server.url)
    browser = client_of(alice)
    form = {"recorded": question.conversation.public_id}
    path = browser.post(reverse("arena_ask"), form).headers["Location"]
    said = []
    for name, data in events(browser, web_server.url + path):
        if name == "stage":
            said.append(data["said"])
            if "is still writing" in data["said"]:
                model_server.go_on.set()
    assert said[0] == "Both answers are being written."
    assert "is still writing" in said[1]
    assert said[-1] == "Both answers have finished."


def test_a_stream_takes_up_answers_that_nobody_writes_any_more(
    alice, client_of, model_server, web_server
):
    """As when its writer died with another process: no reload is needed."""
    live("quick", model_server.url)
    live("plain", model_server.url)
    browser = client_of(alice)
    url = asked(browser)
    soon = timezone.now() + timedelta(seconds=2)
    Response.objects.update(writing_until=soon, text="Vector ")
    found = list(events(browser, web_server.url + url))
    assert found[-1][0] == "end"
    assert timezone.now() > soon
    assert {response.text for response in responses()} == {TEXT}
