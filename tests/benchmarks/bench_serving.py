"""How fast the inference server writes for one, two, eight and sixteen people at once.

    python tests/benchmarks/bench_serving.py [--beside-training] [--tokens 120] [--rounds 3]

A server of its own with the packaged SmolLM2-135M (`$TRAINERS_MODELS` may hold it ready-made). Each
line is JSON. `first_event` and `first_text` are seconds from sending a request to its first event
and to its first text; memory is the server's resident set in MB. `generate` is transformers' own
`generate`, one answer after another, with as many threads as the server has: what the design
before this one could do at best, since its two threads shared the same cores. With
`--beside-training` a child tunes LoRA on the same checkpoint meanwhile, two threads, at `nice 10`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
MODEL = "smollm2-135m"
QUESTIONS = [
    "Why is the sky blue?",
    "How do I boil an egg so that the yolk stays soft?",
    "Write a short poem on rain in the city.",
    "What should I know before I buy a used bicycle?",
    "Explain how a bill becomes a law, step by step.",
    "My plant has yellow leaves. What can I do?",
    "Tell me a story of a fox who could not sleep.",
    "What is the difference between weather and climate?",
]


@contextmanager
def server(folder: str) -> Iterator[tuple[str, int]]:
    """Yield the address and the process id of a server whose packaged model is ready."""
    command = [sys.executable, "-m", "trainers", "serve", "--artifacts", folder, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--pretrained", "smollm2"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        url = next(line for line in process.stderr if line.startswith("serving ")).split()[1]
        threading.Thread(target=process.stderr.read, daemon=True).start()
        while httpx.get(f"{url}/healthz").json()["pretrained"]["state"] != "ready":
            time.sleep(0.2)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def training() -> Iterator[None]:
    """Tune LoRA beside what is measured."""
    command = ["nice", "-n", "10", sys.executable, __file__, "--train"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it has made its first step
        yield
    finally:
        process.kill()
        process.wait()


def resident(pid: int, name: str = "VmRSS") -> float:
    """Return the resident memory of a process in MB; VmHWM is its highest."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1e3


def answer(url: str, number: int, tokens: int) -> dict[str, float]:
    """Return what one streamed answer took, in seconds, and its tokens."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]}],
        "max_tokens": tokens,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": number,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    began = time.perf_counter()
    found: dict[str, float] = {}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=600) as stream:
        stream.raise_for_status()
        for line in stream.iter_lines():
            if not line.startswith("data: {"):
                continue
            event: dict[str, Any] = json.loads(line[6:])
            found.setdefault("first_event", time.perf_counter() - began)
            if event["choices"] and event["choices"][0]["delta"].get("content"):
                found.setdefault("first_text", time.perf_counter() - began)
            if event.get("usage"):
                found["tokens"] = event["usage"]["completion_tokens"]
    return found | {"all": time.perf_counter() - began}


def at_once(url: str, pid: int, many: int, tokens: int, rounds: int) -> dict[str, Any]:
    """Return the figures of `many` answers at once, several rounds of them."""
    found = []
    seconds = 0.0
    with ThreadPoolExecutor(many) as threads:
        for turn in range(rounds):
            began = time.perf_counter()
            numbers = range(turn * many, (turn + 1) * many)
            found += list(threads.map(lambda number: answer(url, number, tokens), numbers))
            seconds += time.perf_counter() - began
    written = sum(each["tokens"] for each in found)
    first = [each["first_text"] for each in found if "first_text" in each]
    return {
        "at_once": many,
        "answers": len(found),
        "tokens_per_second": round(written / seconds, 1),
        "first_event_max": round(max(each["first_event"] for each in found), 3),
        "first_text_p50": round(float(np.percentile(first, 50)), 3),
        "first_text_p95": round(float(np.percentile(first, 95)), 3),
        "answer_max": round(max(each["all"] for each in found), 2),
        "tokens_mean": round(statistics.mean(each["tokens"] for each in found), 1),
        "memory_after": round(resident(pid)),
        "memory_highest": round(resident(pid, "VmHWM")),
    }


def loaded() -> tuple[Any, Any]:
    """Return the packaged model and its tokenizer, as the server loads them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder
    from trainers.tuning.devices import pick_device, pick_dtype

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    folder = checkpoint_folder(PACKAGED["smollm2"])
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=pick_dtype(pick_device()))
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def by_generate(tokens: int, rounds: int) -> dict[str, Any]:
    """Return the tokens a second of transformers' `generate`, one answer after another."""
    import torch

    model, tokenizer = loaded()
    written, began = 0, time.perf_counter()
    for number in range(2 * rounds):
        asked = [{"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]}]
        ids = tokenizer.apply_chat_template(
            asked, add_generation_prompt=True, return_dict=False, return_tensors="pt"
        )
        torch.manual_seed(number)
        how = {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 0}
        written += model.generate(ids, max_new_tokens=tokens, **how).shape[1] - ids.shape[1]
    rate = round(written / (time.perf_counter() - began), 1)
    return {"case": "generate", "answers": 2 * rounds, "tokens_per_second": rate}


def decoding(length: int = 4000) -> dict[str, Any]:
    """Return the seconds in which an answer's tokens become pieces: anew each time, and once."""
    from transformers import AutoTokenizer

    from trainers.chat import Chat
    from trainers.generation.text import AnswerText
    from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder

    chat = Chat(AutoTokenizer.from_pretrained(checkpoint_folder(PACKAGED["smollm2"])))
    ids = chat.tokenizer("The sky is blue, and why? " * length)["input_ids"][:length]
    began = time.perf_counter()
    for end in range(1, length + 1):
        whole = chat.decode(ids[:end])
    anew = time.perf_counter() - began
    text = AnswerText(chat, ["@@@"])
    began = time.perf_counter()
    pieces = [text.push(token) for token in ids]
    pieces.append(text.end())
    once = time.perf_counter() - began
    assert "".join(pieces) == whole
    return {"case": "decoding", "tokens": length, "anew": round(anew, 3), "once": round(once, 4)}


def train() -> None:
    """Tune LoRA on the packaged model for ever: 4 sequences of 256 tokens a step."""
    import peft
    import torch

    model, _ = loaded()
    torch.set_num_threads(2)
    lora = peft.LoraConfig(r=8, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
    tuned: Any = peft.get_peft_model(model, lora)
    optimizer = torch.optim.AdamW(tuned.parameters())
    ids = torch.randint(10, 40_000, (4, 256))
    while True:
        torch.autograd.backward(tuned(input_ids=ids, labels=ids).loss)
        optimizer.step()
        optimizer.zero_grad()
        sys.stdout.write("step\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--beside-training", action="store_true")
    parser.add_argument("--train", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--tokens", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if asked.train:
        train()
    if not asked.beside_training:
        print(json.dumps(decoding()), flush=True)
        print(json.dumps(by_generate(asked.tokens, asked.rounds)), flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url, pid = stack.enter_context(server(folder))
        rest = {"case": "at rest", "memory": round(resident(pid))}
        print(json.dumps(rest), flush=True)
        if asked.beside_training:
            stack.enter_context(training())
        for many in (1, 2, 8, 16):
            found = at_once(url, pid, many, asked.tokens, asked.rounds)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
