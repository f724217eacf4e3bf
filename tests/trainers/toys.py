"""A small snapshot with one plain preference, and settings that train on it in seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.data.snapshot import Snapshot, SnapshotWriter, split_of
from trainers.policy.config import POLICY, PolicyConfig

TOPICS = ("eggs", "rivers", "bridges", "stars", "cats", "chess", "bread", "maps", "tea", "wind")
ASKS = ("Tell me about", "What should I know of", "Help me with", "Explain", "Write on")

SMALL: dict[str, Any] = {
    "model_name_or_path": "tiny",
    "tiny.hidden_size": 32,
    "tiny.num_hidden_layers": 2,
    "tiny.vocab_size": 512,
    "tiny.max_steps": 30,
    "tiny.learning_rate": 5e-3,
    "lora.rank": 4,
    "lora.alpha": 8,
    "optim.learning_rate": 1e-2,
    "optim.train_batch_size": 16,
    "optim.per_device_train_batch_size": 8,
    "optim.num_train_epochs": 4,
    "max_length": 64,
    "sampling.num_prompts": 6,
    "sampling.max_new_tokens": 12,
    "device": "cpu",
}


def small_config(changes: Mapping[str, Any] | None = None) -> PolicyConfig:
    """Return settings that train in seconds; those of the tiny base only where that is the base."""
    settings = SMALL | dict(changes or {})
    if settings["model_name_or_path"] != "tiny":
        settings = {name: value for name, value in settings.items() if "tiny." not in name}
    return POLICY.read(settings)


def write_toy_snapshot(path: Path) -> Snapshot:
    """Pairs in which the answer with `gladly` is preferred to the one with `never`."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("prompts", "responses", "preferences", "consensus")
    }
    questions = [f"{ask} {topic}, please" for ask in ASKS for topic in TOPICS]
    for number, question in enumerate(questions):
        _add_question(rows, number, question)
    with SnapshotWriter(path) as writer:
        for name, table in rows.items():
            writer.write(name, table)
        writer.finish(filters={}, licence="CC0-1.0")
    return Snapshot.open(path)


def _add_question(rows: dict[str, list[dict[str, Any]]], number: int, question: str) -> None:
    prompt, topic = f"p{number:03}", TOPICS[number % len(TOPICS)]
    rows["prompts"].append(
        {
            "prompt_id": prompt,
            "messages": [{"role": "user", "content": question}],
            "topics": [topic],
            "language": "en",
            "split": split_of(question),
        }
    )
    texts = [f"I gladly explain {topic} to you.", f"I never talk about {topic} here."]
    liked = number % 2  # the preferred answer stands on both sides equally often
    for side in (0, 1):
        text = texts[side] if liked == 0 else texts[1 - side]
        rows["responses"].append(
            {"response_id": f"{prompt}-{side}", "prompt_id": prompt, "model": f"m{side}"}
            | {"text": text}
        )
    rows["preferences"].append(
        {
            "preference_id": f"v{number}",
            "comparison_id": f"c{number:03}",
            "prompt_id": prompt,
            "response_a": f"{prompt}-0",
            "response_b": f"{prompt}-1",
            "model_a": "m0",
            "model_b": "m1",
            "rater": "alice",
            "rater_kind": "human",
            "choice": "b" if liked else "a",
            "strength": None,
            "weight": 1.0,
            "created_at": None,
        }
    )
    sure, other = 0.9, 0.05
    rows["consensus"].append(
        {
            "comparison_id": f"c{number:03}",
            "p_a": other if liked else sure,
            "p_b": sure if liked else other,
            "p_tie": 0.05,
            "p_both_bad": 0.0,
            "n_human": 1,
            "n_ai": 0,
        }
    )
