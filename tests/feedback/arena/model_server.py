"""A server that speaks the OpenAI-compatible API; the model's name says how it behaves."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["Vector ", "clocks ", "count ", "per ", "process."]


class ModelServer:
    """Listens on a free port; `asked` holds the bodies and headers of all calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.go_on = threading.Event()  # what the model "slow" waits for in the middle
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append((body, dict(self.headers)))
                getattr(server, f"_{body['model']}")(self)

            def log_message(self, *_: object) -> None:
                """Nothing: the tests say what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def _quick(self, call: BaseHTTPRequestHandler) -> None:
        self._begin(call)
        for word in WORDS:
            self._send(call, word)
        call.wfile.write(b"data: [DONE]\n\n")

    def _slow(self, call: BaseHTTPRequestHandler) -> None:
        self._begin(call)
        for word in WORDS[:3]:
            self._send(call, word)
            self.go_on.wait(0.6)  # long enough that what has arrived is stored
        self.go_on.wait(20)
        for word in WORDS[3:]:
            self._send(call, word)

    def _plain(self, call: BaseHTTPRequestHandler) -> None:
        body = json.dumps({"choices": [{"message": {"content": "".join(WORDS)}}]}).encode()
        call.send_response(200)
        call.send_header("Content-Type", "application/json")
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body)

    def _vain(self, call: BaseHTTPRequestHandler) -> None:
        self._begin(call)
        self._send(call, "As ChatGPT, I count ")
        self._send(call, "per process.")

    def _mute(self, call: BaseHTTPRequestHandler) -> None:
        self._begin(call)

    def _garbled(self, call: BaseHTTPRequestHandler) -> None:
        self._begin(call)
        call.wfile.write(b"data: {no json\n\n")

    def _broken(self, call: BaseHTTPRequestHandler) -> None:
        call.send_error(500)

    def _begin(self, call: BaseHTTPRequestHandler) -> None:
        call.send_response(200)
        call.send_header("Content-Type", "text/event-stream")
        call.end_headers()

    def _send(self, call: BaseHTTPRequestHandler, text: str) -> None:
        event = {"choices": [{"delta": {"content": text}}]}
        call.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        call.wfile.flush()
