"""What a policy answered to held-out prompts, beside its base, as its artifact keeps it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES = "samples.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Two answers to a held-out prompt: the policy's, and its base's, the reference.

    The rewards are those of the reward model that the run was given; None without one.
    """

    prompt_id: str
    messages: Sequence[Mapping[str, str]]
    policy: str
    reference: str
    reward: float | None
    reference_reward: float | None


def samples_read(artifact: Path) -> list[Sample]:
    """Return the artifact's samples; none where it holds none that can be read."""
    try:
        rows = json.loads((artifact / SAMPLES).read_text(encoding="utf-8"))
        return [_sample(row) for row in rows]
    except (OSError, LookupError, TypeError, ValueError):
        return []


def _sample(row: Mapping[str, Any]) -> Sample:
    return Sample(
        prompt_id=str(row["prompt_id"]),
        messages=[{"role": one["role"], "content": one["content"]} for one in row["messages"]],
        policy=str(row["policy"]),
        reference=str(row["reference"]),
        reward=_number(row.get("reward")),
        reference_reward=_number(row.get("reference_reward")),
    )


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)
