"""Servers that misbehave, on real sockets; the path of the base URL says how."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = ["Tea ", "is ", "a leaf."]


def event(text: str | None, **more: Any) -> bytes:
    """One event of a stream."""
    delta = {} if text is None else {"content": text}
    body = {"choices": [{"index": 0, "delta": delta, **more}]}
    return f"data: {json.dumps(body)}\n\n".encode()


class BadServer:
    """`/good/v1/…` answers well, `/garbage/v1/…` does not, and so on; `asked` holds all calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.ways: dict[str, str] = {}  # a way that stands for another one
        self.stopped = threading.Event()
        self.left = threading.Event()  # a client hung up in the middle
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                way = self.path.split("/")[1]
                server.asked.append((way, body, dict(self.headers)))
                getattr(server, f"_{server.ways.get(way, way)}")(self, body)

            def do_GET(self) -> None:
                server.asked.append((self.path, {}, dict(self.headers)))
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                """Nothing: the tests say what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def _begin(self, call: BaseHTTPRequestHandler, kind: str = "text/event-stream") -> None:
        call.send_response(200)
        call.send_header("Content-Type", kind)
        call.end_headers()

    def _good(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._begin(call)
        for word in GOOD:
            call.wfile.write(event(word))
            call.wfile.flush()
        call.wfile.write(event(None, finish_reason="stop"))
        if (body.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            call.wfile.write(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n".encode())
        call.wfile.write(b"data: [DONE]\n\n")

    def _slow(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """One word every tenth of a second, for ten seconds."""
        self._begin(call)
        try:
            for number in range(100):
                call.wfile.write(event(f"word{number} "))
                call.wfile.flush()
                self.stopped.wait(0.1)
        except OSError:
            self.left.set()

    def _loop(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """The same sentence without end, after one that is not."""
        self._begin(call)
        try:
            call.wfile.write(event("Tea is a leaf. "))
            while not self.stopped.wait(0.005):
                call.wfile.write(event("It is what it is. "))
                call.wfile.flush()
        except OSError:
            self.left.set()

    def _dizzy(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Goes round in circles when it is first asked, and not again."""
        again = sum(way == "dizzy" for way, _body, _headers in self.asked) > 1
        (self._good if again else self._loop)(call, body)

    def _crowded(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """No place is free."""
        call.send_response(503)
        call.send_header("Retry-After", "2")
        call.end_headers()
        call.wfile.write(b'{"error": {"message": "come again", "code": "overloaded"}}')

    def _closed(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Away for a good while."""
        call.send_response(503)
        call.send_header("Retry-After", "300")
        call.end_headers()

    def _short(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Reads little, and says how much, as OpenAI does."""
        message = (
            "This model's maximum context length is 4097 tokens. However, you requested 4927 tokens"
            " (4827 in the messages, 100 in the completion)."
        )
        call.send_response(400)
        call.end_headers()
        error = {"message": message, "code": "context_length_exceeded"}
        call.wfile.write(json.dumps({"error": error}).encode())

    def _queue(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Says that the question waits, then answers."""
        self._begin(call)
        for _ in range(3):
            call.wfile.write(b": waiting\n\n")
            call.wfile.flush()
            self.stopped.wait(0.1)
        for word in GOOD:
            call.wfile.write(event(word))
        call.wfile.write(b"data: [DONE]\n\n")

    def _garbage(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._begin(call, "text/html")
        call.wfile.write(b"<html>\xff\xfe\x00 It works!")

    def _badjson(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._begin(call)
        call.wfile.write(b"data: {no json\n\n")

    def _shape(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._begin(call)
        call.wfile.write(b'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n')

    def _silence(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._begin(call)

    def _half(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._begin(call)
        call.wfile.write(event("Tea ") + event("is "))

    def _cut(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Half a chunk, then nothing: the framing itself is broken."""
        call.protocol_version = "HTTP/1.1"
        call.send_response(200)
        call.send_header("Content-Type", "text/event-stream")
        call.send_header("Transfer-Encoding", "chunked")
        call.end_headers()
        call.wfile.write(b"40\r\n" + event("Tea "))

    def _error(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._begin(call)
        secret = dict(call.headers).get("Authorization", "")
        call.wfile.write(event("Tea ") + f'data: {{"error": "{secret}"}}\n\n'.encode())

    def _never(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self.stopped.wait(30)

    def _huge(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """A line without an end."""
        self._begin(call)
        try:
            while not self.stopped.is_set():
                call.wfile.write(b"x" * 1_000_000)
        except OSError:
            self.left.set()

    def _long(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """An answer without an end."""
        self._begin(call)
        try:
            while not self.stopped.is_set():
                call.wfile.write(event("word " * 1000))
        except OSError:
            self.left.set()

    def _zipped(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        call.send_response(200)
        call.send_header("Content-Type", "application/json")
        call.send_header("Content-Encoding", "gzip")
        call.end_headers()

    def _redirect(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        call.send_response(302)
        call.send_header("Location", f"{self.url}/metadata")
        call.end_headers()

    def _many(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        call.send_response(429)
        call.send_header("Retry-After", "120")
        call.end_headers()

    def _status(self, call: BaseHTTPRequestHandler, status: int) -> None:
        words = dict(call.headers).get("Authorization", "")
        call.send_response(status)
        call.end_headers()
        call.wfile.write(f"Incorrect key: {words}".encode())

    def _500(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._status(call, 500)

    def _400(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._status(call, 400)

    def _401(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._status(call, 401)

    def _404(self, call: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._status(call, 404)
