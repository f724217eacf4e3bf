"""Routing over HTTP among many models, the encoder included; then with the encoder gone.

    PYTHONPATH=platform:. python tests/benchmarks/bench_routing_http.py [--rate 20 --seconds 30]

Prints JSON. Starts PostgreSQL (durable), the web processes and an inference server in a temporary
folder, as `manage.py up` would, and ends them. Every prompt is new to the site. The time of a
request runs from when it was due, so that a stall counts for all that wait for it.

`stopped`: the inference server hangs (SIGSTOP), as a machine does that swaps; `killed`: it is gone.
By the reason that each decision logged: `encoder_late` held the deadline, `encoder_down` is the
breaker. `back_after`: seconds until a prompt counts again, once the server goes on.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tests.benchmarks.queue_clients import Connection
from tests.benchmarks.routing_site import RoutingSite
from tests.loops import run_async

WARM_UP = 3.0  # seconds that are not counted
TOPICS = ("tea", "tides", "taxes", "tensors", "trams", "Turing machines", "truffles", "thunder")
ASKS = (
    "How would you explain {topic} to somebody who has never heard of it? Number {n}.",
    "Write a short plan for a lesson on {topic}, with three exercises and their answers ({n}).",
    "What are the {n} most common mistakes about {topic}, and how does one avoid them?",
    "Compare {topic} with what came before it. I need about {n} words, for a general reader.",
)


@dataclass(slots=True)
class Crowd:
    """Requests on keep-alive connections, as many as are needed, each with a prompt of its own."""

    port: int
    key: str
    prompts: list[str]
    idle: list[Connection] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    async def ask(self, due: float) -> None:
        """Route one prompt; note how long it took from when it was due."""
        head = f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
        line = self.idle.pop(0) if self.idle else Connection(self.port, head)
        body = json.dumps({"messages": [{"role": "user", "content": self.prompts.pop()}]})
        try:
            status, said = await line.post("/api/v1/route/", body.encode())
        except asyncio.IncompleteReadError:  # a connection that was idle for five seconds
            status, said = await line.post("/api/v1/route/", body.encode())
        self.idle.append(line)
        if status != 200:
            raise RuntimeError(f"{status} {said.decode()}")
        answer = json.loads(said)
        took = (time.perf_counter() - due) * 1000
        self.answers.append({**answer, "ms": took, "reason": answer["fallback"] or "used"})

    async def offer(self, rate: float, seconds: float) -> list[dict[str, Any]]:
        """So many a second, whatever became of those before."""
        self.answers = []
        begin = time.perf_counter()
        running = []
        for number in range(int(seconds * rate)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            running.append(asyncio.create_task(self.ask(due)))
        await asyncio.gather(*running)
        return self.answers

    async def until_used(self, limit: float) -> float:
        """Seconds until ten prompts one after another count."""
        begin = time.perf_counter()
        used = 0
        while used < 10:
            self.answers = []
            await self.ask(time.perf_counter())
            used = used + 1 if self.answers[0]["reason"] == "used" else 0
            assert time.perf_counter() - begin < limit
            await asyncio.sleep(0.05)
        return round(time.perf_counter() - begin, 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--outage", type=float, default=5, help="seconds of each outage")
    parser.add_argument("--prompts", type=Path, help="a .parquet with a column `question`")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="routing-bench-"))
    folder.chmod(0o711)
    site = RoutingSite(folder)
    try:
        key = site.prepare(arguments.models)
        crowd = Crowd(site.port, key, prompts(arguments.prompts))
        measured = run_async(measure(site, crowd, arguments))
    except RuntimeError:
        sys.stderr.write((folder / "site.log").read_text()[-3000:])
        raise
    finally:
        if site.inference is not None and site.inference.poll() is None:
            site.inference.send_signal(signal.SIGCONT)
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)
    own = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)}
    print(json.dumps({**own, **vars(arguments), **measured}, default=str))


async def measure(site: RoutingSite, crowd: Crowd, arguments: argparse.Namespace) -> dict[str, Any]:
    """All is well; the inference server hangs; it is gone."""
    assert site.inference is not None
    await crowd.offer(arguments.rate, WARM_UP)
    before = site.cpu_seconds()
    begin = time.perf_counter()
    answers = await crowd.offer(arguments.rate, arguments.seconds)
    elapsed = time.perf_counter() - begin
    after = site.cpu_seconds()
    found: dict[str, Any] = {
        "well": {
            **quantiles(answers),
            "fallback_share": np.mean([one["reason"] != "used" for one in answers]),
            "cpu_ms_a_request": {
                name: round((after[name] - before[name]) / len(answers) * 1000, 2) for name in after
            },
            "cores_used": round((sum(after.values()) - sum(before.values())) / elapsed, 2),
            "reasons": by_reason(answers),
        }
    }
    print("well", json.dumps(found), file=sys.stderr)
    site.inference.send_signal(signal.SIGSTOP)
    found["stopped"] = by_reason(await crowd.offer(arguments.rate, arguments.outage))
    site.inference.send_signal(signal.SIGCONT)
    found["stopped"]["back_after"] = await crowd.until_used(30)
    site.inference.kill()
    site.inference.wait()
    found["killed"] = by_reason(await crowd.offer(arguments.rate, arguments.outage))
    site.start_inference()
    found["killed"]["back_after"] = await crowd.until_used(30)
    return found


def by_reason(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """How long answers took, by what became of the prompt; `decided`: inside the web process."""
    parts = defaultdict(list)
    for answer in answers:
        parts[answer["reason"]].append(answer)
    return {
        reason: {**quantiles(part), "decided": quantiles(part, "latency_ms")}
        for reason, part in parts.items()
    }


def quantiles(answers: list[dict[str, Any]], name: str = "ms") -> dict[str, float]:
    """In milliseconds."""
    times = np.array([one[name] for one in answers])
    found = dict(zip(("p50", "p95", "p99"), np.quantile(times, [0.5, 0.95, 0.99]), strict=True))
    return {"n": len(times), **{k: round(float(v), 1) for k, v in found.items()}} | {
        "max": round(float(times.max()), 1)
    }


def prompts(path: Path | None) -> list[str]:
    """Distinct prompts: those of a file, or made up, of ten to twenty-five words."""
    if path is not None:
        asked: list[str] = pq.read_table(path, columns=["question"])["question"].to_pylist()
        return sorted(set(asked))
    numbers = range(2, 2000)
    return [ask.format(topic=topic, n=n) for n in numbers for ask in ASKS for topic in TOPICS]


if __name__ == "__main__":
    main()
