"""Responses of records, found or created."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.db.models import Max

from feedback.pool.hashing import text_hash
from feedback.pool.importing.copying import rows_copy
from feedback.pool.importing.report import ImportReport
from feedback.pool.models import Response
from trainers.data.formats import ResponseRecord

AnswerKey = tuple[UUID, UUID | None, bytes]  # prompt, model version, digest of the text


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response as a file gives it."""

    turn_id: UUID
    version_id: UUID | None
    text: str
    source: str
    licence: str
    latency_ms: int | None = None

    @cached_property
    def key(self) -> AnswerKey:
        """Return the same for rows of files that are the same response."""
        return self.turn_id, self.version_id, text_hash(self.text)


def responses_record(
    rows: Sequence[tuple[ResponseRecord, UUID]], versions: Mapping[str, UUID], report: ImportReport
) -> None:
    """Store recorded responses; each row comes with its prompt."""
    answers = [_recorded(record, turn, versions[record.model]) for record, turn in rows]
    before = report.created["responses"]
    answers_ensure(answers, report)
    report.duplicates += len(rows) - (report.created["responses"] - before)


def _recorded(record: ResponseRecord, turn: UUID, version: UUID) -> Answer:
    return Answer(
        turn_id=turn,
        version_id=version,
        text=record.text,
        source=record.source,
        licence=record.licence,
        latency_ms=record.latency_ms,
    )


def answers_ensure(answers: Iterable[Answer], report: ImportReport) -> dict[AnswerKey, UUID]:
    """Return responses by key, made where new; another text of a model is a further sample."""
    wanted = {answer.key: answer for answer in answers}
    known = _known(wanted)
    new = [_new_response(answer, key[2]) for key, answer in wanted.items() if key not in known]
    _number_samples(new)
    rows_copy(Response, new)
    report.created["responses"] += len(new)
    known.update(
        ((response.turn_id, response.version_id, bytes(response.text_hash)), response.id)
        for response in new
    )
    return known


def _known(wanted: dict[AnswerKey, Answer]) -> dict[AnswerKey, UUID]:
    found = Response.objects.filter(
        turn_id__in={turn for turn, _, _ in wanted}, text_hash__in={digest for *_, digest in wanted}
    ).values_list("turn_id", "version_id", "text_hash", "id")
    return {(turn, version, bytes(digest)): key for turn, version, digest, key in found}


def _new_response(answer: Answer, digest: bytes) -> Response:
    return Response(
        turn_id=answer.turn_id,
        version_id=answer.version_id,
        text=answer.text,
        text_hash=digest,
        source=answer.source,
        licence=answer.licence,
        latency_ms=answer.latency_ms,
    )


def _number_samples(responses: list[Response]) -> None:
    """Count on from the samples that a model has of a prompt already."""
    rows = (
        Response.objects.filter(
            turn_id__in={response.turn_id for response in responses},
            version_id__in={r.version_id for r in responses if r.version_id is not None},
        )
        .values_list("turn_id", "version_id")
        .annotate(Max("sample_index"))
    )
    last = {(turn, version): index for turn, version, index in rows}
    for response in responses:
        if response.version_id is not None:
            key = response.turn_id, response.version_id
            response.sample_index = last[key] = last.get(key, -1) + 1
