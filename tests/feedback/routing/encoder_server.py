"""A real HTTP server that answers as an inference server does, or as badly as a test wants."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Vector = list[float]


@dataclass
class EncoderServer:
    """What the server says, and what it was asked."""

    url: str = ""
    vector_of: Callable[[str], Vector] = lambda _: [1.0, 0.0]
    fingerprint: str = "f1"
    delay: float = 0.0
    refuses: Callable[[str], int] = lambda _: 0  # a status other than 200 for a text
    body: bytes | None = None  # said instead of vectors
    asked: list[list[str]] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many requests have come."""
        return len(self.asked)

    def answer(self, texts: list[str]) -> tuple[int, bytes]:
        """Status and body."""
        self.asked.append(texts)
        if status := next(filter(None, map(self.refuses, texts)), 0):
            return status, b"{}"
        if self.body is not None:
            return 200, self.body
        rows = [{"index": n, "embedding": self.vector_of(text)} for n, text in enumerate(texts)]
        told = {"model": "encoder", "system_fingerprint": self.fingerprint}
        return 200, json.dumps({"data": rows[::-1], **told}).encode()


@contextmanager
def serving(port: int = 0) -> Iterator[EncoderServer]:
    """A server that listens, for as long as the block lasts."""
    server = EncoderServer()

    class Handler(BaseHTTPRequestHandler):
        """Answers each request in a thread of its own."""

        def do_GET(self) -> None:
            self.say(200, json.dumps({"data": [{"id": "encoder"}]}).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = server.answer(body["input"])
            time.sleep(server.delay)
            self.say(status, said)

        def say(self, status: int, said: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    httpd = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
