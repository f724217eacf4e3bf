"""Scores in [0, 1] of models on prompts. A wide file is made long by its profile."""

from collections.abc import Iterator

from trainers.data.formats.base import PROMPTS, SHARED_COLUMNS, Format, row_by_row, shared_fields
from trainers.data.formats.fields import RowError, SourceRow, label, optional_label, unit_number
from trainers.data.formats.records import OutcomeRecord


def parse(row: SourceRow, source: str) -> Iterator[OutcomeRecord]:
    """Yield a model's score."""
    shared = shared_fields(row, source)
    shared["question_id"] = shared["question_id"] or optional_label(row.values, "prompt_id")
    if not shared["messages"] and shared["question_id"] is None:
        raise RowError("prompt", "missing value", "neither a prompt nor a question")
    score = unit_number(row.values, "score")
    if score is None:
        raise RowError("score", "missing value")
    yield OutcomeRecord(**shared, model=label(row.values, "model"), score=score)


FORMAT = Format(
    name="outcomes",
    description="`prompt`, `messages` or `question_id`; `model`; `score` in [0, 1]",
    read=row_by_row(parse),
    required=((*PROMPTS, "question_id", "prompt_id"), ("model",), ("score",)),
    known=SHARED_COLUMNS | {"prompt_id", "model", "score"},
)
