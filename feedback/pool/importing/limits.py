"""The limits of names in records, so that the tables can take them."""

from collections.abc import Iterator

from trainers.data.formats import PairRecord, Record, Skipped

NAME_LIMITS = {
    "source": 100,
    "licence": 64,
    "question_id": 200,
    "language": 16,
    "model": 200,
    "model_a": 200,
    "model_b": 200,
}
TOPIC_LIMIT = 200
RATER_LIMIT = 180  # leaves room for the number of an unnamed rater


def record_problem(record: Record) -> Skipped | None:
    """Return why the record cannot be stored, or None."""
    for column, value, limit in _names(record):
        if len(value) > limit:
            detail = f"{len(value)} characters, {limit} allowed"
            return Skipped(record.row, column, "name too long", detail)
    return None


def _names(record: Record) -> Iterator[tuple[str, str, int]]:
    for column, limit in NAME_LIMITS.items():
        yield column, getattr(record, column, None) or "", limit
    for topic in record.topics:
        yield "topics", topic, TOPIC_LIMIT
    if isinstance(record, PairRecord):
        for judgment in record.judgments:
            yield "rater", judgment.rater, RATER_LIMIT
