"""Recorded answers: one row a model's response to a prompt."""

from collections.abc import Iterator

from trainers.data.formats.base import (
    PROMPTS,
    SHARED_COLUMNS,
    Format,
    language_of,
    row_by_row,
    shared_fields,
)
from trainers.data.formats.fields import RowError, SourceRow, label, milliseconds, text
from trainers.data.formats.records import ResponseRecord


def parse(row: SourceRow, source: str) -> Iterator[ResponseRecord]:
    """Yield a recorded answer."""
    shared = shared_fields(row, source)
    if not shared["messages"]:
        raise RowError("prompt", "missing value")
    yield ResponseRecord(
        **shared,
        model=label(row.values, "model"),
        text=text(row.values, "response"),
        latency_ms=milliseconds(row.values, "latency_ms"),
        language=language_of(row.values),
    )


FORMAT = Format(
    name="responses",
    description="`model`, `prompt` or `messages`, `response`, optionally `latency_ms`",
    read=row_by_row(parse),
    required=(PROMPTS, ("model",), ("response",)),
    known=SHARED_COLUMNS | {"model", "response", "latency_ms"},
)
