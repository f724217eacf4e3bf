"""What every public format is read into: pairs, responses, outcomes, and what was skipped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

from trainers.data.choices import Choice, RaterKind

RaterRole = Literal["author", "third_party"]
Order = Literal["ab", "ba"]


class Message(TypedDict):
    """One turn of a conversation, in the shape that Parquet, JSON and chat APIs share."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Judgment:
    """One rater's verdict on a pair.

    `strength` is a positive number, and only a winner has one; public scales are brought to
    (0, 1]. `confidence` lies in [0, 1]. `aspects` maps an aspect's name to what was said of it,
    in imported data a choice for that aspect alone.
    """

    rater: str
    rater_kind: RaterKind
    choice: Choice
    strength: float | None = None
    confidence: float | None = None
    aspects: Mapping[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    rationale: str = ""
    duration_ms: int | None = None
    created_at: datetime | None = None
    order_shown: Order | None = None
    role: RaterRole = "third_party"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRecord:
    """Two responses to one prompt and the judgments of them.

    Both response texts are there or neither is: a vote without texts names two models
    instead. `messages` may be empty for such a vote; `question_id` then tells prompts apart.
    """

    row: int
    external_id: str | None
    messages: tuple[Message, ...]
    question_id: str | None
    response_a: str | None
    response_b: str | None
    model_a: str | None
    model_b: str | None
    topics: tuple[str, ...]
    language: str
    source: str
    licence: str
    judgments: tuple[Judgment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRecord:
    """A recorded answer of a model to a prompt."""

    row: int
    external_id: str | None
    messages: tuple[Message, ...]
    question_id: str | None
    model: str
    text: str
    latency_ms: int | None
    topics: tuple[str, ...]
    language: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """A model's score in [0, 1] on a prompt, from a benchmark or a checker."""

    row: int
    external_id: str | None
    messages: tuple[Message, ...]
    question_id: str | None
    model: str
    score: float
    topics: tuple[str, ...]
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be used: a short reason to count by, and the detail."""

    row: int
    column: str | None
    reason: str
    detail: str


Record = PairRecord | ResponseRecord | OutcomeRecord
