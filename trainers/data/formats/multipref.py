"""AI2's MultiPref: two workers and two experts judge each pair, overall and by aspect."""

from collections.abc import Iterator

from trainers.data.choices import Choice
from trainers.data.formats.base import (
    Format,
    checked_pair,
    language_of,
    row_by_row,
    shared_fields,
)
from trainers.data.formats.conversations import user
from trainers.data.formats.fields import (
    Row,
    RowError,
    SourceRow,
    label,
    milliseconds,
    names,
    optional_label,
    optional_text,
    structure,
    text,
    timestamp,
)
from trainers.data.formats.preferences import choice_of
from trainers.data.formats.records import Judgment, PairRecord

PREFERENCES: dict[str, Choice] = {
    "A-is-clearly-better": "a",
    "A-is-slightly-better": "a",
    "Tie": "tie",
    "B-is-slightly-better": "b",
    "B-is-clearly-better": "b",
}
STRENGTHS = {"clearly": 1.0, "slightly": 0.5, "Tie": 0.0}
CONFIDENCES = {"absolutely-confident": 1.0, "fairly-confident": 2 / 3, "not-confident": 1 / 3}
ASPECTS = ("helpful", "truthful", "harmless")
GROUPS = ("normal_worker_annotations", "expert_worker_annotations")


def parse(row: SourceRow, source: str) -> Iterator[PairRecord]:
    """Yield a comparison's pair with all its judgments."""
    values = row.values
    shared = shared_fields(SourceRow(row.number, {**values, "source": None}), source)
    shared["external_id"] = label(values, "comparison_id")
    shared["question_id"] = optional_label(values, "prompt_id")
    shared["messages"] = (user(text(values, "text")),)
    shared["topics"] = shared["topics"] or names(values, "category")
    pair = PairRecord(
        **shared,
        response_a=text(values, "completion_a"),
        response_b=text(values, "completion_b"),
        model_a=optional_label(values, "model_a"),
        model_b=optional_label(values, "model_b"),
        language=language_of(values),
        judgments=tuple(annotations(values)) if row.judgments is None else row.judgments,
    )
    yield checked_pair(pair)


def annotations(values: Row) -> Iterator[Judgment]:
    """Yield every worker's and expert's judgment."""
    for group in GROUPS:
        for item in structure(values, group, list) or ():
            if not isinstance(item, dict):
                raise RowError(group, "wrong type", "an annotation is not an object")
            yield annotation(item)


def annotation(item: Row) -> Judgment:
    """Return one annotator's judgment."""
    overall = label(item, "overall_pref")
    choice = choice_of(overall, "overall_pref", PREFERENCES)
    degree = next(degree for degree in STRENGTHS if degree in overall)
    return Judgment(
        rater=label(item, "evaluator"),
        rater_kind="human",
        choice=choice,
        strength=STRENGTHS[degree] or None,
        confidence=CONFIDENCES.get(str(item.get("overall_confidence"))),
        aspects={name: PREFERENCES[verdict] for name, verdict in _aspect_verdicts(item)},
        rationale=optional_text(item, "overall_own_reason") or "",
        duration_ms=milliseconds(item, "time_spent", scale=1000),
        created_at=timestamp(item, "timestamp"),
    )


def _aspect_verdicts(item: Row) -> Iterator[tuple[str, str]]:
    """Yield the verdict on each aspect that was judged."""
    for name in ASPECTS:
        verdict = item.get(f"{name}_pref")
        if isinstance(verdict, str) and verdict in PREFERENCES:
            yield name, verdict


FORMAT = Format(
    name="multipref",
    description="AI2's MultiPref: each worker's and expert's verdict becomes a judgment",
    read=row_by_row(parse),
    required=(
        ("comparison_id",),
        ("text",),
        ("completion_a",),
        ("completion_b",),
        GROUPS,
    ),
)
