"""Answers being written: a thread of the web process each, under a claim on the row.

The row is the truth. A claim ends by itself, so that an answer whose process died is begun anew
by whoever looks at the page next; every write names the claim it was made under, so that a writer
who lost it, or whose answer was stopped, changes nothing.

To have an answer written: `turns.response_begin`, then `answers_continue`, and read the row until
its state is no longer "writing". The gateway does the same as the pages.
"""

import logging
import threading
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from feedback.pool.hashing import text_hash
from feedback.pool.models import Comparison, Response, ResponseState, Turn
from feedback.pool.self_identification import names_version
from feedback.registry.errors import NoAnswerError
from feedback.registry.providers import answer_stream

CLAIM = timedelta(seconds=45)  # longer than a server may be silent
WRITE_SECONDS = 0.5  # between two writes of what has arrived so far
NAMES_MODEL = "names_model"  # why a comparison with such an answer does not count
AT_ONCE = 16  # answers that one process writes at the same time

logger = logging.getLogger(__name__)
_slots = threading.BoundedSemaphore(AT_ONCE)


def answers_continue(turn: Turn) -> None:
    """Begin every answer of the turn that nobody is writing; the next call finds what is left."""
    for pk in _unclaimed().filter(turn=turn).values_list("pk", flat=True):
        if _slots.acquire(blocking=False):
            threading.Thread(target=_run, args=(pk,), daemon=True, name=f"answer {pk}").start()


def _run(pk: UUID) -> None:
    try:
        answer_write(pk)
    except Exception:
        logger.exception("The answer %s could not be written.", pk)
    finally:
        connection.close()
        _slots.release()


def answer_write(pk: UUID) -> None:
    """Claim an answer and write it to its end, its failure, or until somebody stops it."""
    if not _unclaimed().filter(pk=pk).update(writing_until=Now() + CLAIM, text=""):
        return
    draft = _Draft(pk)
    started = time.monotonic()
    first_text_ms: int | None = None
    try:
        for piece in answer_stream(draft.version, draft.messages):
            draft.text += piece.replace("\x00", "").encode(errors="replace").decode()
            if first_text_ms is None and draft.text.strip():
                first_text_ms = _milliseconds_since(started)
            if not draft.keep():
                return
        if not draft.text.strip():
            draft.text = ""
            raise NoAnswerError("empty answer")
    except NoAnswerError as error:
        draft.save(state=ResponseState.FAILED, error=str(error))
        return
    times = {"latency_ms": _milliseconds_since(started), "first_text_ms": first_text_ms}
    with transaction.atomic():
        if draft.save(state=ResponseState.FINISHED, **times):
            answer_check(Response.objects.select_related("version").get(pk=pk))


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def answer_check(response: Response) -> None:
    """Store the digest of a complete answer, and whether it identifies its own model."""
    response.text_hash = text_hash(response.text)
    response.names_its_model = names_version(response.text, response.version)
    response.save(update_fields=["text_hash", "names_its_model"])
    if response.names_its_model:
        shown = Comparison.objects.filter(
            Q(response_a=response) | Q(response_b=response) | Q(response_a=None),
            turn=response.turn_id,
        )
        shown.filter(unranked_reason="").update(unranked_reason=NAMES_MODEL)


class _Draft:
    """An answer in the making, and the claim under which it is written."""

    def __init__(self, pk: UUID) -> None:
        response = Response.objects.select_related("turn", "version__provider").get(pk=pk)
        if response.version is None:
            raise ValueError("an answer to write has a version")
        self.pk, self.version, self.messages = pk, response.version, response.prompt
        self.text = ""
        self._held: datetime | None = response.writing_until
        self._written = time.monotonic()
        connection.close()  # a connection is not kept while a model thinks

    def keep(self) -> bool:
        """Store what has arrived, now and then; False when the answer is no longer ours."""
        if time.monotonic() - self._written < WRITE_SECONDS:
            return True
        self._written = time.monotonic()
        ours = self.save(writing_until=Now() + CLAIM)
        if ours:
            row = Response.objects.filter(pk=self.pk)
            self._held = row.values_list("writing_until", flat=True).get()
        connection.close()
        return ours

    def save(self, **fields: object) -> bool:
        """Write the text and these fields if the claim still holds."""
        mine = Response.objects.filter(
            pk=self.pk, state=ResponseState.WRITING, writing_until=self._held
        )
        return bool(mine.update(text=self.text, **fields))


def _unclaimed() -> QuerySet[Response]:
    free = Q(writing_until=None) | Q(writing_until__lt=Now())
    return Response.objects.filter(free, state=ResponseState.WRITING)
