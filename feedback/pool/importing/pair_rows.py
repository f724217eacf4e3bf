"""Pairs of records: their responses, their comparisons, their judgments."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from feedback.pool.importing.judgments import judgments_record
from feedback.pool.importing.pairs import Pair, is_flipped, pairs_ensure
from feedback.pool.importing.report import ImportReport
from feedback.pool.importing.responses import Answer, AnswerKey, answers_ensure
from trainers.data.formats import PairRecord

Versions = Mapping[str, UUID]
Sides = tuple[Answer, Answer] | None  # None: a vote without texts


def pairs_record(
    rows: Sequence[tuple[PairRecord, UUID]], versions: Versions, report: ImportReport
) -> list[UUID]:
    """Store pairs, each with its prompt, and their judgments; return their comparisons."""
    sides = [_sides(record, turn, versions) for record, turn in rows]
    responses = answers_ensure((answer for both in sides if both for answer in both), report)
    pairs = [
        _pair(record, turn, both, responses, versions)
        for (record, turn), both in zip(rows, sides, strict=True)
    ]
    comparisons = pairs_ensure(pairs, report)
    judgments_record(
        (
            (record, comparisons[pair.key], is_flipped(pair, comparisons[pair.key]))
            for (record, _), pair in zip(rows, pairs, strict=True)
        ),
        report,
    )
    return sorted({comparison.id for comparison in comparisons.values()})


def _sides(record: PairRecord, turn: UUID, versions: Versions) -> Sides:
    if record.response_a is None or record.response_b is None:
        return None

    def answer(text: str, model: str | None) -> Answer:
        return Answer(
            turn_id=turn,
            version_id=_version(model, versions),
            text=text,
            source=record.source,
            licence=record.licence,
        )

    return answer(record.response_a, record.model_a), answer(record.response_b, record.model_b)


def _pair(
    record: PairRecord,
    turn: UUID,
    sides: Sides,
    responses: Mapping[AnswerKey, UUID],
    versions: Versions,
) -> Pair:
    return Pair(
        turn_id=turn,
        response_a=responses[sides[0].key] if sides else None,
        response_b=responses[sides[1].key] if sides else None,
        version_a=_version(record.model_a, versions),
        version_b=_version(record.model_b, versions),
        source=record.source,
    )


def _version(label: str | None, versions: Versions) -> UUID | None:
    return None if label is None else versions[label]
