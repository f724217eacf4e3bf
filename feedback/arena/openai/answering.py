"""An answer on its way through: opened until its first words are there, read on, stored at its end.

Whoever is asked first may fail before a word has come: then another one is asked. Afterwards a
failure is told in the stream; of an answer that is wanted whole nothing was sent, so that it may be
asked for anew until its end. An answer that nobody should get is asked for once more of the same
model. A client that leaves ends the writing, and what had come is kept.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from feedback.arena.answers.draft import plain
from feedback.arena.answers.second_tries import can_differ
from feedback.arena.openai.services import (
    Attempt,
    Question,
    attempt_again,
    attempt_begin,
    attempt_end,
)
from feedback.database.db_async import stored
from feedback.pool.models import ResponseState
from feedback.registry.errors import FlawedError, NoAnswerError
from feedback.registry.providers import Call
from feedback.text.flaws import Inspection

TRIES = 3


class Answer:
    """The pieces of one attempt, and what is known of it at the end."""

    def __init__(self, attempt: Attempt, question: Question) -> None:
        self.attempt = attempt
        # What was asked for is in the row, above the version's own.
        options = attempt.response.sampling | {"stream_options": {"include_usage": True}}
        self._inspection = Inspection(str(question.asked.messages[-1]["content"]))
        self._call = Call(attempt.version, question.asked.messages, options)
        self._pieces: AsyncGenerator[str, None] = self._source()
        self._text: list[str] = []
        self._first = ""
        self._started = time.monotonic()

    @property
    def text(self) -> str:
        """Return what was read of it."""
        return "".join(self._text)

    @property
    def finish(self) -> str:
        """Say why it ended: "stop", or "length"."""
        return self._call.reading.finish or "stop"

    @property
    def usage(self) -> dict[str, Any] | None:
        """Return the tokens, where the server counts them."""
        return self._call.reading.usage

    async def open(self) -> None:
        """Wait for the first words."""
        try:
            while not self._first.strip():
                self._first += await anext(self._pieces)
        except StopAsyncIteration:
            await self._end(ResponseState.FAILED, error="empty answer")
            raise NoAnswerError("empty answer") from None
        except NoAnswerError as error:
            await self._fail(error)
            raise
        except asyncio.CancelledError:
            await self._leave()
            raise

    async def read(self) -> AsyncGenerator[str, None]:
        """Yield all pieces; the row is written at the end, however that comes."""
        try:
            yield self._keep(self._first)
            async for piece in self._pieces:
                yield self._keep(piece)
        except NoAnswerError as error:
            await self._fail(error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            await self._leave()
            raise
        tokens = (self.usage or {}).get("completion_tokens")
        counted = {"completion_tokens": tokens} if isinstance(tokens, int) and tokens >= 0 else {}
        milliseconds = round((time.monotonic() - self._started) * 1000)
        await self._end(ResponseState.FINISHED, latency_ms=milliseconds, **counted)

    async def _source(self) -> AsyncGenerator[str, None]:
        if self.attempt.recorded:
            yield self.attempt.recorded
            return
        async with aclosing(self._call.pieces_async()) as pieces:  # whatever ends this hangs up
            async for piece in pieces:
                piece = plain(piece)
                if flaw := self._inspection.feed(piece):
                    raise FlawedError(flaw)
                if piece:
                    yield piece
        if flaw := self._inspection.close(is_cut=self.finish == "length"):
            raise FlawedError(flaw)

    def _keep(self, piece: str) -> str:
        self._text.append(piece)
        return piece

    async def gather(self) -> None:
        """Wait for the whole answer; it is in `text` then."""
        async with aclosing(self.read()) as pieces:
            async for _ in pieces:
                pass

    async def _fail(self, error: NoAnswerError) -> None:
        marked = {"flaw": error.flaw.value} if isinstance(error, FlawedError) else {}
        await self._end(ResponseState.FAILED, error=str(error), **marked)

    async def _leave(self) -> None:
        """Hang up because nobody listens any more, and keep the text that had come."""
        await self._pieces.aclose()
        await self._end(ResponseState.STOPPED if self._text else ResponseState.FAILED)

    async def _end(self, state: ResponseState, **fields: Any) -> None:
        await asyncio.shield(stored(attempt_end)(self.attempt, state, self.text, **fields))


async def answer_open(question: Question, *, whole: bool) -> Answer:
    """Wait for an answer's first words, or for all of it.

    Raises the error of the last model that failed.
    """
    failure: NoAnswerError | None = None
    for _ in range(TRIES if question.policy else 1):
        try:
            attempt = await stored(attempt_begin)(question)
        except Exception:
            if failure is None:
                raise
            break
        try:
            return await _answered(attempt, question, whole)
        except NoAnswerError as error:
            failure = error
            question.failed.add(attempt.version.id)
    assert failure is not None
    raise failure


async def _answered(attempt: Attempt, question: Question, whole: bool) -> Answer:
    """Open an answer of this version; a second one where the first should not be sent."""
    try:
        return await _opened(Answer(attempt, question), whole)
    except FlawedError:
        if not can_differ(attempt.response.sampling):
            raise
    again = await stored(attempt_again)(attempt, question)
    return await _opened(Answer(again, question), whole)


async def _opened(answer: Answer, whole: bool) -> Answer:
    await answer.open()
    if whole:
        await answer.gather()
    return answer
