"""Annotators for measurements: many in one process, each on a connection of its own.

Written on bare asyncio streams, because the client shares the machine with what it measures.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

HIDDEN = re.compile(rb'name="(assignment|key)"[^>]*value="([^"]*)"')


class RequestError(Exception):
    """An answer that was not expected, or none at all."""


@dataclass(slots=True)
class Connection:
    """One keep-alive connection of HTTP/1.1; it connects anew when it was cut."""

    port: int
    head: str  # the headers of every request
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: bytes, head: str = "") -> tuple[int, bytes]:
        """Status and body of one POST."""
        if self.reader is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self.writer is not None
        lines = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.head}{head}"
        self.writer.write(f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            return await self._answer(self.reader)
        except BaseException:
            self.close()
            raise

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        header = await reader.readuntil(b"\r\n\r\n")
        status = int(header[9:12])
        lower = header.lower()
        if (found := lower.find(b"content-length: ")) >= 0:
            length = int(lower[found + 16 : lower.index(b"\r\n", found)])
            return status, await reader.readexactly(length)
        if b"transfer-encoding: chunked" in lower:
            raise RequestError("a chunked answer")
        return status, b""

    def close(self) -> None:
        """Drop the connection."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@dataclass(slots=True)
class ApiAnnotator:
    """Works over the REST API with a key."""

    port: int
    key: str
    campaign: str
    held: str = ""
    number: int = 0
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        head = f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
        self.connection = Connection(self.port, head)

    async def take(self) -> bool:
        """Hold the next task; False where there is none."""
        body = json.dumps({"campaign": self.campaign}).encode()
        status, answer = await self.connection.post("/api/v1/tasks/next/", body)
        if status == 204:
            self.held = ""
            return False
        _expect(status, {200}, answer)
        self.held = json.loads(answer)["assignment"]
        return True

    async def judge(self, choice: str = "1") -> dict[str, Any]:
        """Judge the task that is held, once; the receipt."""
        head = f"Idempotency-Key: {self.held}\r\n"
        body = json.dumps({"choice": choice, "duration_ms": 5000}).encode()
        path = f"/api/v1/tasks/{self.held}/submit/"
        status, answer = await self.connection.post(path, body, head)
        _expect(status, {200, 201}, answer)
        receipt: dict[str, Any] = json.loads(answer)
        return receipt


@dataclass(slots=True)
class PageAnnotator:
    """Works as the page's script does: a form, a session, the next task as a fragment."""

    port: int
    session: str
    campaign: str
    held: str = ""
    number: int = 0
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        token = "a" * 32
        self.connection = Connection(
            self.port,
            f"Cookie: sessionid={self.session}; csrftoken={token}\r\nX-CSRFToken: {token}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n",
        )

    async def take(self) -> bool:
        """Ask for the fragment of the next task; False where there is none."""
        body = urlencode({"campaign": self.campaign}).encode()
        head = "HX-Request: true\r\nAccept: text/html\r\n"
        status, answer = await self.connection.post("/annotate/task/next/", body, head)
        _expect(status, {200}, answer)
        found = dict(HIDDEN.findall(answer))
        self.held = found.get(b"assignment", b"").decode()
        return bool(self.held)

    async def judge(self, choice: str = "1") -> dict[str, Any]:
        """Send the form; the receipt."""
        fields = {"assignment": self.held, "key": self.held, "choice": choice}
        body = urlencode(fields | {"campaign": self.campaign}).encode()
        head = "Accept: application/json\r\n"
        status, answer = await self.connection.post("/annotate/task/judge/", body, head)
        _expect(status, {200, 201}, answer)
        receipt: dict[str, Any] = json.loads(answer)
        return receipt


def _expect(status: int, wanted: set[int], answer: bytes) -> None:
    if status not in wanted:
        raise RequestError(f"{status}: {answer[:300].decode(errors='replace')}")
