"""How long a person's prompt waits for its vector while the walk over the pool encodes long ones.

    python tests/benchmarks/bench_encoder_beside.py

An inference server of its own; one call after another of 64 texts that fill the encoder's window,
and beside them 100 short prompts, ten a second. `late`: of those, past routing's deadline.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
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
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    said = next(line for line in server.stderr if line.startswith("serving "))
    return server, said.split()[1]


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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server, url = started(folder)
        ended = threading.Event()

        def walk() -> None:
            with httpx.Client(base_url=url, timeout=60) as client:
                while not ended.is_set():
                    client.post("/v1/embeddings", json={"input": LONG}).raise_for_status()

        result = {}
        try:
            result["alone"] = waits(url)
            walker = threading.Thread(target=walk)
            walker.start()
            time.sleep(1)
            result["beside_the_walk"] = waits(url)
            ended.set()
            walker.join()
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
