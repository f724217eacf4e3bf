"""How long a person's prompt waits for its vector while the server has other work.

    python tests/benchmarks/bench_encoder_beside.py

An inference server of its own, and 100 short prompts, ten a second: alone; beside one call after
another of 64 texts that fill the encoder's window; and beside two and sixteen answers that the
packaged SmolLM2-135M writes (`$TRAINERS_MODELS` may hold it ready-made). `late`: of the prompts,
past routing's deadline.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_MS = 150
PROMPTS = 100
LONG = [" ".join(f"w{text}x{word}" for word in range(150)) for text in range(64)]


def started(folder: str) -> tuple["subprocess.Popen[str]", str]:
    """An inference server with nothing but its encoder, and its address."""
    command = [sys.executable, "-m", "trainers", "serve", "--artifacts", folder, "--port", "0"]
    server = subprocess.Popen(
        [*command, "--pretrained", "smollm2"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    url = next(line for line in server.stderr if line.startswith("serving ")).split()[1]
    threading.Thread(target=server.stderr.read, daemon=True).start()
    while httpx.get(f"{url}/healthz").json()["pretrained"]["state"] != "ready":
        time.sleep(0.2)
    return server, url


def waits(url: str) -> list[float]:
    """Milliseconds of each short prompt's call."""
    found = []
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in range(PROMPTS):
            began = time.perf_counter()
            text = f"What is the capital of state number {number}, and why not its largest city?"
            client.post("/v1/embeddings", json={"input": text}).raise_for_status()
            found.append(1e3 * (time.perf_counter() - began))
            time.sleep(0.1)
    return found


def walk(url: str, ended: threading.Event) -> None:
    """Encode long texts, call after call."""
    with httpx.Client(base_url=url, timeout=60) as client:
        while not ended.is_set():
            client.post("/v1/embeddings", json={"input": LONG}).raise_for_status()


def write(url: str, ended: threading.Event) -> None:
    """Have one answer after another written."""
    asked = [{"role": "user", "content": "Write a long story of a fox who could not sleep."}]
    body = {"model": "smollm2-135m", "messages": asked, "max_tokens": 200}
    with httpx.Client(base_url=url, timeout=120) as client:
        while not ended.is_set():
            client.post("/v1/chat/completions", json=body).raise_for_status()


def beside(url: str, work: Callable[[str, threading.Event], None], many: int) -> list[float]:
    """Return the waits while `many` threads do other work."""
    ended = threading.Event()
    threads = [threading.Thread(target=work, args=(url, ended)) for _ in range(many)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    found = waits(url)
    ended.set()
    for thread in threads:
        thread.join()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server, url = started(folder)
        try:
            result = {
                "alone": waits(url),
                "beside_the_walk": beside(url, walk, 1),
                "beside_2_answers": beside(url, write, 2),
                "beside_16_answers": beside(url, write, 16),
            }
        finally:
            server.terminate()
            server.wait()
    for name, found in result.items():
        p50, p95, most = np.percentile(found, [50, 95, 100]).round(1)
        late = sum(one > DEADLINE_MS for one in found)
        print(
            json.dumps({"case": name, "p50_ms": p50, "p95_ms": p95, "max_ms": most, "late": late})
        )


if __name__ == "__main__":
    main()
