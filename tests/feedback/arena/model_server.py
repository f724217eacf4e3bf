"""A server that speaks the OpenAI-compatible API; the model's name says how it behaves."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["Vector ", "clocks ", "count ", "per ", "process."]
LOOP = "It is a good question. "
STORY = """A vector clock gives each process **its own counter**.

- On a local step, add one to your own entry.
- On receipt, take the maximum entry by entry, then add one to your own.

Event *a* happened before *b* exactly when every entry of *a* is at most that of *b*.

```python
def merge(mine, theirs, me):
    clock = {k: max(mine.get(k, 0), theirs.get(k, 0)) for k in mine.keys() | theirs.keys()}
    clock[me] = clock.get(me, 0) + 1
    return clock
```

A Lamport clock keeps a single number instead, and cannot tell that two events were concurrent.
"""
HOSTILE = """<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">

[click me](javascript:window.hacked=3) ![a picture](http://127.0.0.1:9/spy.png)

<button hx-get="/people/sign-out/" hx-trigger="load" hx-on:click="window.hacked = 4">go</button>
<div hx-post="/arena/ask/" hx-trigger="load">x</div>

| a | b |
|---|---|
| <b onclick="window.hacked=5">1</b> | 2 |
"""
MIXED = "Семь 👩\u200d👧 \u202eright to left\u202c, שלום, \u0640العربية\u200f. \U0001f9d1"
HUGE = " ".join(f"{i * 7919:b}" for i in range(20_000))[:200_000]  # as much as an answer may have


class ModelServer:
    """Listens on a free port; `asked` holds the bodies and headers of all calls."""

    def __init__(self, port: int = 0) -> None:
        self.asked: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.acts_as: dict[str, str] = {}  # who has changed, and into whom
        self.left = threading.Event()  # somebody hung up on "loop" or "endless"
        self.go_on = threading.Event()  # what "slow" and "story" wait for in the middle
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append((body, dict(self.headers)))
                name = body["model"]
                getattr(server, f"_{server.acts_as.get(name, name)}")(self)

            def log_message(self, *_: object) -> None:
                """Nothing: the tests say what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
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
        self._end(call)

    def _slow(self, call: BaseHTTPRequestHandler) -> None:
        self._begin(call)
        for word in WORDS[:3]:
            self._send(call, word)
            self.go_on.wait(0.6)  # long enough that what has arrived is stored
        self.go_on.wait(60)
        for word in WORDS[3:]:
            self._send(call, word)
        call.wfile.write(b"data: [DONE]\n\n")
        self._end(call)

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
        self._end(call)

    def _story(self, call: BaseHTTPRequestHandler) -> None:
        """As people see it: a few letters at a time; the last paragraph waits to be asked for."""
        self._begin(call)
        for start in range(0, len(STORY), 12):
            if start + 12 > STORY.index("A Lamport"):
                self.go_on.wait(60)
            self._send(call, STORY[start : start + 12])
            time.sleep(0.03)
        call.wfile.write(b"data: [DONE]\n\n")

    def _hostile(self, call: BaseHTTPRequestHandler) -> None:
        self._whole(call, HOSTILE)

    def _mixed(self, call: BaseHTTPRequestHandler) -> None:
        self._whole(call, MIXED)

    def _huge(self, call: BaseHTTPRequestHandler) -> None:
        self._whole(call, HUGE)

    def _half(self, call: BaseHTTPRequestHandler) -> None:
        """Text, and then the connection ends in the middle."""
        self._begin(call)
        self._send(call, "Vector clocks count ")

    def _busy(self, call: BaseHTTPRequestHandler) -> None:
        call.send_error(429)

    def _never(self, call: BaseHTTPRequestHandler) -> None:
        self.go_on.wait(60)

    def _echo(self, call: BaseHTTPRequestHandler) -> None:
        self._whole(call, f"You asked: {self.asked[-1][0]['messages'][-1]['content']}")

    def _blank(self, call: BaseHTTPRequestHandler) -> None:
        self._whole(call, " \n ")

    def _late(self, call: BaseHTTPRequestHandler) -> None:
        self.go_on.wait(60)
        self._whole(call, "".join(WORDS))

    def _whole(self, call: BaseHTTPRequestHandler, text: str) -> None:
        self._begin(call)
        for start in range(0, len(text), 5000):
            self._send(call, text[start : start + 5000])
        call.wfile.write(b"data: [DONE]\n\n")

    def _endless(self, call: BaseHTTPRequestHandler) -> None:
        """One number after another until whoever asked hangs up."""
        self._begin(call)
        number = 0
        try:
            while not self.go_on.wait(0.02):
                number += 1
                self._send(call, f"{number * 7919:b} ")
        except OSError:
            self.left.set()

    def _loop(self, call: BaseHTTPRequestHandler) -> None:
        """The same sentence until whoever asked hangs up."""
        self._begin(call)
        try:
            while not self.go_on.is_set():
                self._send(call, LOOP)
                time.sleep(0.005)
        except OSError:
            self.left.set()

    def _dizzy(self, call: BaseHTTPRequestHandler) -> None:
        """Goes round in circles when it is first asked, and not again."""
        (self._quick if self._times("dizzy") > 1 else self._loop)(call)

    def _garbage(self, call: BaseHTTPRequestHandler) -> None:
        self._whole(call, "Tea \ufffd\ufffd is")

    def _crowded(self, call: BaseHTTPRequestHandler) -> None:
        """Full when it is first asked."""
        if self._times("crowded") > 1:
            return self._quick(call)
        call.send_response(503)
        call.send_header("Retry-After", "1")
        call.end_headers()
        call.wfile.write(b'{"error": {"code": "overloaded", "message": "come again"}}')
        return None

    def _full(self, call: BaseHTTPRequestHandler) -> None:
        """Always full."""
        call.send_response(503)
        call.send_header("Retry-After", "1")
        call.end_headers()

    def _queue(self, call: BaseHTTPRequestHandler) -> None:
        """Has taken the question in, and says so until there is a place."""
        self._begin(call)
        while not self.go_on.wait(0.2):
            call.wfile.write(b": waiting\n\n")
            call.wfile.flush()
        for word in WORDS:
            self._send(call, word)
        self._end(call)

    def _falls(self, call: BaseHTTPRequestHandler) -> None:
        """Breaks off in the middle when it is first asked."""
        (self._quick if self._times("falls") > 1 else self._half)(call)

    def _short(self, call: BaseHTTPRequestHandler) -> None:
        """Reads little, and says how much, as our inference server does."""
        error = {
            "message": "the conversation has 2311 tokens; the model reads 2047",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
        call.send_response(413)
        call.end_headers()
        call.wfile.write(json.dumps({"error": error}).encode())

    def _times(self, name: str) -> int:
        return sum(body["model"] == name for body, _headers in self.asked)

    def _mute(self, call: BaseHTTPRequestHandler) -> None:
        self._begin(call)
        self._end(call)

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

    def _end(self, call: BaseHTTPRequestHandler) -> None:
        call.wfile.write(b"data: [DONE]\n\n")


def serve(port: int, *changed: str) -> None:
    """Serve in a process of its own, to be killed; `changed`: "slow=quick" and the like."""
    server = ModelServer(port)
    server.acts_as = dict(one.split("=") for one in changed)
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:])
