"""What a policy answered to held-out prompts, beside its base, as its artifact keeps it."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from feedback.training.snapshots.queries import JUDGED, STILL_THERE

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


def samples_shown(artifact: Path) -> list[Sample]:
    """Return the samples whose prompts are still in the pool to train on, in their order.

    A prompt that was taken out of circulation, or whose judgments were withdrawn, is left out, and
    so are the answers to it.
    """
    found = samples_read(artifact)
    there = _still_there({one.prompt_id for one in found})
    return [one for one in found if one.prompt_id in there]


def _still_there(prompt_ids: set[str]) -> set[str]:
    keys = [key for key in prompt_ids if _is_key(key)]
    with connection.cursor() as cursor:
        cursor.execute(JUDGED + STILL_THERE, [keys])
        return {row[0] for row in cursor.fetchall()}


def _is_key(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


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
