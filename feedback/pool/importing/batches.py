"""One batch of records into the tables, inside the caller's transaction."""

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from feedback.pool.importing.lookup import versions_ensure
from feedback.pool.importing.outcomes import outcomes_record
from feedback.pool.importing.pair_rows import pairs_record
from feedback.pool.importing.prompts import prompt_keys, prompts_ensure
from feedback.pool.importing.report import ImportReport
from feedback.pool.importing.responses import responses_record
from feedback.pool.models import Preference
from trainers.data.formats import OutcomeRecord, PairRecord, Record, ResponseRecord

BATCH_RECORDS = 2000
BATCH_CHARACTERS = 4_000_000


def in_batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield batches that are bounded in rows and, since texts may be long, in characters."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += _characters(record)
        if len(batch) >= BATCH_RECORDS or size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def batch_write(records: Sequence[Record], report: ImportReport) -> list[UUID]:
    """Write what the pool does not hold yet; return the comparisons that the records are about."""
    records = _without_own(records, report)
    keys = prompt_keys(records)
    turns = prompts_ensure(records, keys, report)
    versions = versions_ensure(
        sorted({label for record in records for label in _labels(record)}),
        answering=sorted({label for record in records for label in _answering(record)}),
        report=report,
    )
    responses: list[tuple[ResponseRecord, UUID]] = []
    outcomes: list[tuple[OutcomeRecord, UUID]] = []
    pairs: list[tuple[PairRecord, UUID]] = []
    for record, key in zip(records, keys, strict=True):
        if isinstance(record, PairRecord):
            pairs.append((record, turns[key]))
        elif isinstance(record, ResponseRecord):
            responses.append((record, turns[key]))
        else:
            outcomes.append((record, turns[key]))
    responses_record(responses, versions, report)
    outcomes_record(outcomes, versions, report)
    return pairs_record(pairs, versions, report)


def _without_own(records: Sequence[Record], report: ImportReport) -> list[Record]:
    """Drop this pool's own judgments, which come back when its export is imported."""
    ids = {record.external_id for record in records if isinstance(record, PairRecord)} - {None}
    own = set(Preference.objects.filter(public_id__in=ids).values_list("public_id", flat=True))
    report.duplicates += sum(record.external_id in own for record in records)
    return [record for record in records if record.external_id not in own]


def _characters(record: Record) -> int:
    texts = [message["content"] for message in record.messages]
    if isinstance(record, PairRecord):
        texts += [record.response_a or "", record.response_b or ""]
        texts += [judgment.rationale for judgment in record.judgments]
    elif isinstance(record, ResponseRecord):
        texts.append(record.text)
    return sum(map(len, texts))


def _labels(record: Record) -> Iterator[str]:
    """Yield the models that a record names."""
    sides = (record.model_a, record.model_b) if isinstance(record, PairRecord) else (record.model,)
    yield from filter(None, sides)


def _answering(record: Record) -> Iterator[str]:
    """Yield the models whose answers a record holds."""
    silent = isinstance(record, OutcomeRecord) or (
        isinstance(record, PairRecord) and record.response_a is None
    )
    if not silent:
        yield from _labels(record)
