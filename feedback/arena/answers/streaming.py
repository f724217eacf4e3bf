"""Answers as they grow: a server-sent stream that reads the rows which others write.

Any web process may serve it. Between two looks it holds no connection and no transaction; it ends
with the answers, or when its reader leaves. Closed blocks of an answer are sent once and appended,
the open one is sent whole each time it grows; a new connection begins with everything.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone, translation

from feedback.arena.answers.writing import answers_continue
from feedback.arena.conversations import conversation_progress
from feedback.arena.presentation import AnswerView
from feedback.database.db_async import stored
from feedback.pool.models import Conversation, Response, ResponseState
from feedback.text.rendering import closed_length, render

LOOK_SECONDS = 0.3  # so that nothing is sent more often than this
SIGN_OF_LIFE_SECONDS = 15.0  # a silent connection would be closed on its way


async def answer_events(conversation: Conversation, language: str) -> AsyncIterator[bytes]:
    """Yield the events of a conversation's newest turn until its answers have ended."""
    watch = Watch(conversation, language)
    spoke = time.monotonic()
    while True:
        for event in await stored(watch.look)():
            yield event
            spoke = time.monotonic()
        if watch.is_over:
            return
        if time.monotonic() - spoke > SIGN_OF_LIFE_SECONDS:
            yield b": still here\n\n"
            spoke = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)


class Growing:
    """How much of one answer its reader has."""

    def __init__(self) -> None:
        self._text = ""
        self._closed = 0  # characters whose blocks can no longer change
        self._begun = False

    def news(self, text: str) -> dict[str, Any] | None:
        """Return the blocks that have closed since, and the open one; None where nothing is new."""
        if self._begun and text == self._text:
            return None
        fresh = not self._begun or not text.startswith(self._text)
        if fresh:
            self._closed = 0
        self._text, self._begun = text, True
        rest = text[self._closed :]
        length = closed_length(rest)
        self._closed += length
        return {"fresh": fresh, "closed": render(rest[:length]), "open": render(rest[length:])}


class Watch:
    """What one reader of a conversation has seen, and what is new since."""

    def __init__(self, conversation: Conversation, language: str) -> None:
        self.is_over = False
        self._conversation, self._language = conversation, language
        self._growing: dict[int, Growing] = {}
        self._mark: object = None
        self._stage: object = None

    def look(self) -> list[bytes]:
        """Return the events since the last look."""
        with translation.override(self._language):
            mark = self._row_marks()
            if mark == self._mark and mark is not None:
                return []
            context = conversation_progress(self._conversation)
            answers_continue(context["turn"])
            # Texts that wait for each other appear by the clock, without a change of their rows.
            by_clock = any(a.is_waiting or a.is_held_back for a in context["answers"])
            self._mark = None if by_clock else mark
            return self._events(context)

    def _row_marks(self) -> object:
        """Return what changes with every write to an answer that is still being written."""
        rows = Response.objects.filter(
            turn__conversation=self._conversation, state=ResponseState.WRITING
        )
        marks = list(rows.order_by("id").values_list("id", "writing_until"))
        # One that nobody writes, or not any more, is begun by whoever looks, once a second.
        is_free = any(until is None or until < timezone.now() for _pk, until in marks)
        return (marks, int(time.monotonic()) if is_free else None)

    def _events(self, context: dict[str, Any]) -> list[bytes]:
        events, answers = [], context["answers"]
        for answer in answers:
            if answer.is_writing and (news := self._news(answer)):
                events.append(_event("text", {"place": answer.place} | news))
        words = [(a.response.state, a.is_writing, a.is_waiting, a.word) for a in answers]
        stage = words, context["said"], context["stop"]
        if stage != self._stage:
            self._stage = stage
            events.append(_event("stage", _stage(context)))
        self.is_over = not context["writing"]
        return [*events, _event("end", {})] if self.is_over else events

    def _news(self, answer: AnswerView) -> dict[str, Any] | None:
        return self._growing.setdefault(answer.place, Growing()).news(answer.text)


def _stage(context: dict[str, Any]) -> dict[str, Any]:
    """Return the status, the actions, and each ended answer that does not wait for the other."""
    return {
        "said": context["said"],
        "actions": render_to_string("arena/actions.html", context),
        "ready": not context["waiting"],
        "words": {a.place: a.word for a in context["answers"] if a.is_writing},
        "answers": {
            answer.place: render_to_string("arena/answer.html", context | {"answer": answer})
            for answer in context["answers"]
            if not (answer.is_writing or answer.is_waiting)
        },
    }


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
