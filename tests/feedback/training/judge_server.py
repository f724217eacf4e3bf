"""A judge model as a real HTTP server: it reads the two answers and says which it prefers."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ANSWERS = re.compile(r"Answer A:\n(.*?)\n\nAnswer B:\n(.*?)\n\nWhich answer", re.DOTALL)


def _by_goodness(first: str, second: str) -> str:
    good = "good" in first, "good" in second
    return "tie" if good[0] == good[1] else "A" if good[0] else "B"


WAYS: dict[str, Callable[[str, str], str]] = {
    "sound": _by_goodness,
    "reversed": lambda first, second: _by_goodness(second, first),
    "first": lambda _first, _second: "A",
    "chatty": lambda _first, _second: "I think A is better",
    "lazy": lambda _first, _second: " tie.\n",
}


class JudgeServer(ThreadingHTTPServer):
    """The model's name is the way it judges; `asked` holds (way, answer A, answer B, body)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, str]] = []
        self.bodies: list[dict[str, object]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: JudgeServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = ANSWERS.search(body["messages"][-1]["content"])
        assert found is not None
        way = body["model"]
        self.server.asked.append((way, found[1], found[2]))
        self.server.bodies.append(body)
        if way not in WAYS:
            self.send_error(500)
            return
        said = WAYS[way](found[1], found[2])
        piece = {"choices": [{"index": 0, "delta": {"content": said}, "finish_reason": "stop"}]}
        data = f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def judge_server() -> Iterator[JudgeServer]:
    """Run it in a thread."""
    with JudgeServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
