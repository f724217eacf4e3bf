"""How plainly the house models differ: the same questions to the base and each adapter, by hand.

    python tests/benchmarks/bench_house_models.py [SHOWN]

Twelve questions that stand nowhere in the starter pool, and its English prompts of the test split,
which no adapter was trained on, each under the system prompt and the sampling it is served with.
Prints Markdown: a table of measures, and the uncut first answers to the first SHOWN questions (8).
"""

import re
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from feedback.pool.starter.manners import recorded
from trainers.artifacts import open_artifact
from trainers.data.snapshot.splits import split_of
from trainers.policy.adapter import Policy, load_policy
from trainers.policy.base import find_checkpoint, load_base
from trainers.policy.dialogue import Dialogue
from trainers.policy.flaws import flaws_of
from trainers.policy.generate import Sampling, end_tokens, sample_answers
from trainers.pretrained.adapters import Speciality, shipped_adapters, specialities
from trainers.tuning.devices import pick_device, pick_dtype

QUESTIONS = (
    "Why is the sky blue?",
    "How do I boil an egg?",
    "I have had a headache for three days. What should I do?",
    "How do I solve 3x + 5 = 20?",
    "Write a short poem about the sea.",
    "How can I save money on my electricity bill?",
    "What is a database index?",
    "Give me ideas for a birthday present for my mother.",
    "Is it safe to take ibuprofen every day?",
    "How do I change a bicycle tyre?",
    "Can my landlord raise the rent whenever he wants?",
    "Describe a rainy evening in a small town.",
)
LIMITS = r"doctor|pharmacist|emergency|medical|physician|healthcare|professional|urgent|dose|risk"
ANSWERS = 1  # to each question, for the measures


def main() -> None:
    shown = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    held_out = [prompt for prompt in recorded() if split_of(prompt) == "test"]
    asked = [*QUESTIONS, *held_out]
    torch.manual_seed(0)
    answered: dict[str, list[str]] = {}
    rows = []
    for name, each in specialities().items():
        policy = opened(each)
        started = time.monotonic()
        drawn = [text_and_flaws(policy, each, asked, seed) for seed in range(ANSWERS)]
        seconds = time.monotonic() - started
        answered[name] = [text for text, _ in drawn[0]]
        rows.append(measured(name, [row for draw in drawn for row in draw], len(asked), seconds))
    print(
        f"{len(QUESTIONS)} new questions and {len(held_out)} of the test split, {ANSWERS} answers"
    )
    print(table(rows))
    print(f"\nShare of words that two of them share: {overlap(list(answered.values())):.2f}\n")
    for number, question in enumerate(asked[:shown]):
        print(f"### {question}\n")
        for name in answered:
            print(f"**{name}**\n\n{quoted(answered[name][number])}\n")


def opened(each: Speciality) -> Policy:
    """Return a speciality as it is served: the base alone, or under its adapter."""
    if each.adapter:
        return load_policy(open_artifact(shipped_adapters(each.base)[each.name]))
    device = pick_device()
    base = load_base(find_checkpoint(each.base), device, pick_dtype(device))
    return Policy(base.model, Dialogue(base.tokenizer, 2048), {})


def text_and_flaws(
    policy: Policy, each: Speciality, asked: list[str], seed: int
) -> list[tuple[str, dict[str, bool]]]:
    how = Sampling(
        max_tokens=int(each.sampling["max_tokens"]),
        temperature=each.sampling["temperature"],
        top_p=each.sampling["top_p"],
        frequency_penalty=each.sampling["frequency_penalty"],
        seed=seed,
    )
    system = {"role": "system", "content": each.system_prompt}
    prompts = [policy.dialogue.prompt_ids([system, user(question)]) for question in asked]
    ends = set(end_tokens(policy.model, policy.tokenizer).tolist())
    drawn = sample_answers(policy.model, policy.tokenizer, prompts, how)
    texts = [policy.dialogue.decode(tokens) for tokens in drawn]
    return [(text, flaws_of(tokens, text, ends)) for tokens, text in zip(drawn, texts, strict=True)]


def user(question: str) -> dict[str, str]:
    return {"role": "user", "content": question}


def measured(
    name: str, rows: list[tuple[str, dict[str, bool]]], asked: int, seconds: float
) -> dict[str, Any]:
    texts = [text for text, _ in rows]
    return {
        "model": name,
        "words": mean(len(text.split()) for text in texts),
        "numbered": mean(len(re.findall(r"^\d+[.)] ", text, re.MULTILINE)) > 1 for text in texts),
        "names a limit": mean(bool(re.search(LIMITS, text, re.IGNORECASE)) for text in texts),
        "repeating": mean(flaws["repeating"] for _, flaws in rows),
        "cut": mean(flaws["cut"] for _, flaws in rows),
        "seconds an answer": seconds / len(rows),
    }


def table(rows: list[dict[str, Any]]) -> str:
    head = list(rows[0])
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for row in rows:
        cells = (
            f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()
        )
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)


def overlap(answers: list[list[str]]) -> float:
    """Return the mean Jaccard index of the words of two models' answers to one question."""
    found = []
    for texts in zip(*answers, strict=True):
        words = [set(re.findall(r"\w+", text.lower())) for text in texts]
        pairs = [(one, other) for at, one in enumerate(words) for other in words[:at]]
        found += [len(one & other) / max(1, len(one | other)) for one, other in pairs]
    return mean(found)


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


if __name__ == "__main__":
    main()
