"""Whether a seeded answer depends on what shares its batch: SmolLM2-135M, five at once or alone.

    python tests/benchmarks/bench_seeds.py

`logits` is the largest difference of a logit behind the prompts, `equal` how many of 20 answers of
40 tokens are the same (`$TRAINERS_MODELS` may hold the checkpoint ready-made). One thread.
"""

import json
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from trainers.chat import Chat
from trainers.generation.attention import use_rows
from trainers.generation.rows import CacheShape, Row
from trainers.generation.sampling import Draws, Sampling
from trainers.generation.step import forward, step
from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder

QUESTIONS = [
    "Why is the sky blue?",
    "How do I boil an egg?",
    "Write a poem on rain.",
    "Tell me of rivers. " * 20,
    "What is a law?",
]
TOKENS = 40
SEEDS = 4


def logits(model: Any, prompts: list[list[int]]) -> torch.Tensor:
    rows = [Row.begin(CacheShape.of(model), ids, Draws(Sampling(1))) for ids in prompts]
    for row in rows:
        row.part = row.unread
    with torch.inference_mode():
        return forward(model, rows).float()


def answers(model: Any, prompts: list[list[int]], seed: int) -> list[list[int]]:
    how = Sampling(max_tokens=TOKENS, temperature=0.7, top_p=0.9, seed=seed)
    rows = [Row.begin(CacheShape.of(model), ids, Draws(how)) for ids in prompts]
    while running := [row for row in rows if len(row.written) < TOKENS]:
        step(model, running)
    return [row.written for row in rows]


def main() -> None:
    torch.set_num_threads(1)
    folder = checkpoint_folder(PACKAGED["smollm2"])
    chat = Chat(AutoTokenizer.from_pretrained(folder))
    prompts = [chat.prompt_ids([{"role": "user", "content": text}]) for text in QUESTIONS]
    for dtype in (torch.float32, torch.bfloat16):
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        use_rows(model)
        apart = torch.cat([logits(model, [ids]) for ids in prompts])
        differs = float((logits(model, prompts) - apart).abs().max())
        equal = [
            together == answers(model, [ids], seed)[0]
            for seed in range(SEEDS)
            for ids, together in zip(prompts, answers(model, prompts, seed), strict=True)
        ]
        found = {"dtype": str(dtype), "logits": differs, "equal": sum(equal), "of": len(equal)}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
