"""An answer in the making, and the claim under which it is written."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from feedback.pool.models import Response, ResponseState
from feedback.pool.moderation.services import flaw_report
from feedback.text.flaws import Flaw

CLAIM = timedelta(seconds=45)  # longer than a server may be silent
WRITE_SECONDS = 0.5  # between two writes of what has arrived so far
WAITING = "waiting"  # the error of an answer that its server has taken in and not begun


class ClaimLostError(Exception):
    """The answer was stopped, or somebody else writes it."""


class Draft:
    """The text of an answer, and why there is none yet (`error`), both stored now and then.

    Every write names the claim, and renews it: it raises ClaimLostError where another has it.
    """

    def __init__(self, pk: UUID) -> None:
        response = Response.objects.select_related("turn", "version__provider").get(pk=pk)
        if response.version is None:
            raise ValueError("an answer to write has a version")
        self.pk, self.version, self.messages = pk, response.version, response.prompt
        self.error = ""
        self.options: Mapping[str, Any] = {}
        self._pieces: list[str] = []
        self._is_fresh = True
        self._began = time.monotonic()
        self._first_text_ms: int | None = None
        self._response = response
        self._held: datetime | None = response.writing_until
        self._written = time.monotonic()
        connection.close()  # a connection is not kept while a model thinks

    @property
    def text(self) -> str:
        """Return what has arrived."""
        return "".join(self._pieces)

    @property
    def times(self) -> dict[str, int | None]:
        """Return how long the last call has taken so far, and until its first text."""
        return {"latency_ms": self._milliseconds(), "first_text_ms": self._first_text_ms}

    def begin(self, options: Mapping[str, Any]) -> None:
        """Take a new call's answer; the text that is there stays until the first piece of it."""
        self.options, self._is_fresh = options, True
        self._began, self._first_text_ms = time.monotonic(), None

    def add(self, piece: str) -> None:
        """Take the next piece of the answer; an empty one says that the question still waits."""
        if piece:
            if self._is_fresh:
                self._pieces, self.error, self._is_fresh = [], "", False
            self._pieces.append(piece)
            if self._first_text_ms is None and piece.strip():
                self._first_text_ms = self._milliseconds()
        elif self._is_fresh:
            self.error = WAITING

    def keep(self) -> None:
        """Store what has arrived, twice a second at most."""
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self._store()

    def wait(self, seconds: float, why: str) -> None:
        """Say why nothing comes, and hold the claim for so long."""
        self.error = why
        self._store()
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, WRITE_SECONDS))
            self.keep()

    def caught(self, flaw: Flaw, *, is_last: bool) -> None:
        """Mark the answer and report it. The text goes, unless no other one will come."""
        came = self.text
        if not is_last or flaw is Flaw.EMPTY:
            self._pieces = []
        with transaction.atomic():
            self._store(flaw=flaw.value)
            flaw_report(response=self._response, flaw=flaw.value, text=came)
        connection.close()

    def save(self, **fields: object) -> bool:
        """Write the text and these fields if the claim still holds."""
        mine = Response.objects.filter(
            pk=self.pk, state=ResponseState.WRITING, writing_until=self._held
        )
        return bool(mine.update(text=self.text, error=self.error, **fields))

    def _milliseconds(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    def _store(self, **fields: object) -> None:
        self._written = time.monotonic()
        if not self.save(writing_until=Now() + CLAIM, **fields):
            raise ClaimLostError
        row = Response.objects.filter(pk=self.pk)
        self._held = row.values_list("writing_until", flat=True).get()
        if not connection.in_atomic_block:
            connection.close()


def plain(piece: str) -> str:
    """Return a piece of an answer as the database can hold it."""
    return piece.replace("\x00", "").encode(errors="replace").decode()
