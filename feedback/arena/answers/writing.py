"""Answers being written: a thread of the web process each, under a claim on the row.

The row is the truth. A claim ends by itself, so that an answer whose process died is begun anew
by whoever looks at the page next; every write names the claim it was made under, so that a writer
who lost it, or whose answer was stopped, changes nothing.

To have an answer written: `turns.response_begin`, then `answers_continue`, and read the row until
its state is no longer "writing". The gateway does the same as the pages.
"""

import logging
import threading
from contextlib import closing
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from feedback.arena.answers.draft import CLAIM, ClaimLostError, Draft, plain
from feedback.arena.answers.second_tries import SecondTries
from feedback.pool.hashing import text_hash
from feedback.pool.models import Comparison, Response, ResponseState, Turn
from feedback.pool.self_identification import names_version
from feedback.registry.errors import FlawedError, NoAnswerError
from feedback.registry.providers import Call
from feedback.text.flaws import Inspection

NAMES_MODEL, FLAWED = "names_model", "flawed"  # why a comparison with such an answer does not count
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
    if not _unclaimed().filter(pk=pk).update(writing_until=Now() + CLAIM, text="", error=""):
        return
    draft = Draft(pk)
    try:
        _write(draft)
    except ClaimLostError:
        return
    except NoAnswerError as error:
        draft.error = str(error)
        draft.save(state=ResponseState.FAILED)
        return
    draft.error = ""
    with transaction.atomic():
        sampling = draft.version.sampling | draft.options
        if draft.save(state=ResponseState.FINISHED, sampling=sampling, **draft.times):
            answer_check(Response.objects.select_related("version").get(pk=pk))


def _write(draft: Draft) -> None:
    """Write an answer, once more where that may help.

    Raises NoAnswerError for what is the end, and ClaimLostError.
    """
    tries = SecondTries(draft.version)
    while True:
        try:
            _try(draft, tries)
            return
        except NoAnswerError as error:
            pause = tries.pause(error)
            if isinstance(error, FlawedError):
                draft.caught(error.flaw, is_last=pause is None)
            if pause is None:
                raise
            draft.wait(pause, str(error))


def _try(draft: Draft, tries: SecondTries) -> None:
    """Write what one call brings."""
    draft.begin(tries.options)
    call = Call(draft.version, draft.messages, tries.options)
    inspection = Inspection(str(draft.messages[-1]["content"]))
    with closing(call.pieces()) as pieces:  # whatever ends this hangs up at once
        for piece in map(plain, pieces):
            draft.add(piece)
            if flaw := inspection.feed(piece):
                raise FlawedError(flaw)
            draft.keep()
    if flaw := inspection.close(is_cut=call.reading.finish == "length"):
        raise FlawedError(flaw)


def answer_check(response: Response) -> None:
    """Store the digest of a complete answer, and whether it identifies its own model."""
    response.text_hash = text_hash(response.text)
    response.names_its_model = names_version(response.text, response.version)
    response.save(update_fields=["text_hash", "names_its_model"])
    if reason := unranked_reason(response):
        shown = Comparison.objects.filter(
            Q(response_a=response) | Q(response_b=response) | Q(response_a=None),
            turn=response.turn_id,
        )
        shown.filter(unranked_reason="").update(unranked_reason=reason)


def unranked_reason(response: Response) -> str:
    """Return why a comparison with this answer does not count; empty where it does.

    One of two answers that were drawn, or one that was cut off, is not what the model gives:
    counted, it would make the model look better, or worse, than it is.
    """
    if response.names_its_model:
        return NAMES_MODEL
    return FLAWED if response.flaw else ""


def _unclaimed() -> QuerySet[Response]:
    free = Q(writing_until=None) | Q(writing_until__lt=Now())
    return Response.objects.filter(free, state=ResponseState.WRITING)
