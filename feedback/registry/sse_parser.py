"""What a server sends, as pieces of an answer; bounded, whatever it sends."""

import json
import time
from collections.abc import Iterator
from typing import Any

from feedback.registry.errors import BROKEN_OFF, NoAnswerError

ANSWER_SECONDS = 180.0  # the longest that one answer may take
ANSWER_LIMIT = 200_000  # characters; what is longer is cut
BODY_LIMIT = 64 * 1024 * 1024  # bytes; each few characters of a stream come with their frame
LINE_LIMIT = 8 * 1024 * 1024  # bytes of one event, or of an answer in one piece

STREAM = "text/event-stream"


class Reading:
    """Takes bytes, gives text; what the end of the answer said is then in `finish` and `usage`."""

    def __init__(self, content_type: str) -> None:
        self.finish = ""
        self.usage: dict[str, Any] | None = None
        self.is_over = False
        self._streams = content_type.startswith(STREAM)
        self._held = b""
        self._received = self._length = 0
        self._ends = time.monotonic() + ANSWER_SECONDS

    def feed(self, data: bytes) -> Iterator[str]:
        """Return the pieces that these bytes complete; a comment, as servers send it while a
        question waits for its place, is an empty one: a sign of life.
        """
        self._received += len(data)
        if time.monotonic() > self._ends:
            raise NoAnswerError("timeout")
        *lines, self._held = (
            (self._held + data).split(b"\n") if self._streams else [self._held + data]
        )
        if self._received > BODY_LIMIT or len(self._held) > LINE_LIMIT:
            raise NoAnswerError("too large")
        for line in lines:
            if line.startswith(b":"):
                yield ""
            elif not self.is_over:
                yield from self._cut(self._line(line))

    def close(self) -> Iterator[str]:
        """Return the last pieces, once the server has closed; raises where it closed too early."""
        if not self._streams:
            answer = self._object(self._held)
            yield from self._cut(self._choice(answer, "message"))
            return
        yield from self.feed(b"\n")  # an event without the empty line behind it
        if not (self.is_over or self.finish):
            raise NoAnswerError(BROKEN_OFF if self._length else "unreadable answer")

    def _line(self, line: bytes) -> str:
        if not line.startswith(b"data:"):
            return ""
        data = line[5:].strip()
        if data == b"[DONE]":
            self.is_over = True
            return ""
        return self._choice(self._object(data), "delta")

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise NoAnswerError("unreadable answer") from None
        if not isinstance(found, dict):
            raise NoAnswerError("unreadable answer")
        if found.get("error"):
            raise NoAnswerError("error in the stream")
        return found

    def _choice(self, event: dict[str, Any], name: str) -> str:
        """Return the new text of an event; the last one of a stream may carry only the usage."""
        if isinstance(event.get("usage"), dict):
            self.usage = event["usage"]
        try:
            choices = event["choices"]
            if not choices:
                return ""
            self.finish = str(choices[0].get("finish_reason") or self.finish)
            text = (choices[0].get(name) or {}).get("content") or ""
        except (LookupError, TypeError, AttributeError):
            raise NoAnswerError("unreadable answer") from None
        if not isinstance(text, str):
            raise NoAnswerError("unreadable answer")
        return text

    def _cut(self, text: str) -> Iterator[str]:
        piece = text[: ANSWER_LIMIT - self._length]
        self._length += len(piece)
        if self._length >= ANSWER_LIMIT:
            self.is_over, self.finish = True, "length"
        if piece:
            yield piece
