"""A server that says of itself how far it is, as our inference server does under /healthz."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class InferenceServer(ThreadingHTTPServer):
    """Real sockets. `pretrained` is what it says of itself; `asked` counts calls for answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pretrained: dict[str, Any] | None = None
        self.looks = 0
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: InferenceServer

    def do_GET(self) -> None:
        self.server.looks += 1
        self._send(
            "application/json", json.dumps({"pretrained": self.server.pretrained, "data": []})
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        piece = {"choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}]}
        self._send("text/event-stream", f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n")

    def _send(self, kind: str, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def inference_server() -> Iterator[InferenceServer]:
    """Run it in a thread."""
    with InferenceServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
