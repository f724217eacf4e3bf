"""What a conversation costs: no more queries, and nothing more rendered, the longer it is."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback.arena import streaming
from feedback.arena.conversations import conversation_context
from feedback.arena.streaming import Watch
from feedback.pool.models import Conversation, Mode, Reaction, ReactionKind, Response, ResponseState
from tests.feedback.arena.builders import live

pytestmark = pytest.mark.django_db
SHORT, LONG = 2, 10


def conversation_of(person, turns: int, state: str = ResponseState.FINISHED) -> Conversation:
    """A conversation with one model; each answer but the newest is finished and has a thumb."""
    version = live(f"model {turns}", "http://127.0.0.1:9")
    own = Conversation.objects.create(contributor=person, source="arena", mode=Mode.ASSIST)
    for position in range(turns):
        messages = [{"role": "user", "content": f"Question {position}?"}]
        turn = own.turns.create(position=position, messages=messages, content_hash=bytes(32))
        answer = Response.objects.create(
            turn=turn,
            version=version,
            text=f"Answer {position}.",
            text_hash=bytes(32),
            source="arena",
            state=state if position == turns - 1 else ResponseState.FINISHED,
        )
        Reaction.objects.create(
            response=answer, rater=person.rater, kind=ReactionKind.THUMB, value=1
        )
    return own


def queries(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def test_the_page_of_a_long_thread_asks_no_more_than_that_of_a_short_one(alice):
    short, long = (conversation_of(alice, turns) for turns in (SHORT, LONG))
    costs = [queries(lambda own=own: conversation_context(own)) for own in (short, long)]
    assert costs[0] == costs[1]
    answers = [reply["answer"] for reply in conversation_context(long)["replies"]]
    assert [answer.thumb for answer in answers] == ["up"] * LONG
    assert [answer.place for answer in answers] == list(range(1, LONG + 1))


def test_a_streamed_change_reads_and_renders_the_newest_answer_alone(alice, monkeypatch):
    rendered: list[str] = []
    monkeypatch.setattr(streaming, "answers_continue", lambda _turn: None)  # nobody writes here
    monkeypatch.setattr(streaming, "render", lambda text: rendered.append(text) or text)
    costs = []
    for turns in (SHORT, LONG):
        own = conversation_of(alice, turns, ResponseState.WRITING)
        rendered.clear()
        watch = Watch(own, "en")
        costs.append(queries(watch.look))
        assert set(rendered) <= {"", f"Answer {turns - 1}."}
    assert costs[0] == costs[1] <= 3  # the marks of the rows, the newest turn, its answers


@pytest.mark.parametrize("press", ["arena_stop", "arena_retry"])
def test_a_press_learns_one_turn_and_not_the_page(alice, client_of, press):
    browser: Client = client_of(alice)
    costs = []
    for turns in (SHORT, LONG):
        own = conversation_of(alice, turns, ResponseState.FAILED)
        url = reverse(press, args=[own.public_id])
        costs.append(queries(lambda url=url: browser.post(url)))
        newest = own.turns.latest("position").responses.get()
        after = {"arena_stop": ResponseState.STOPPED, "arena_retry": ResponseState.WRITING}
        assert newest.state == after[press]
    assert costs[0] == costs[1]
