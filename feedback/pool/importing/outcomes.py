"""Outcomes of records: a model's score on a prompt."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from feedback.pool.importing.copying import rows_copy
from feedback.pool.importing.report import ImportReport
from feedback.pool.models import Outcome
from trainers.data.formats import OutcomeRecord, Skipped

Place = tuple[UUID, UUID, str]  # prompt, model version, source


def outcomes_record(
    scored: Sequence[tuple[OutcomeRecord, UUID]], versions: Mapping[str, UUID], report: ImportReport
) -> None:
    """Store the scores; each comes with its prompt. A source has one score of a model on it."""
    rows = [((turn, versions[record.model], record.source), record) for record, turn in scored]
    known = _known([place for place, _ in rows])
    new = []
    for place, record in rows:
        if place not in known:
            known[place] = record.score
            new.append(_outcome(place, record))
        elif known[place] == record.score:
            report.duplicates += 1
        else:
            detail = f"{record.model!r} has another score on this prompt already"
            report.skip(Skipped(record.row, "score", "already scored", detail))
    rows_copy(Outcome, new)
    report.created["outcomes"] += len(new)


def _known(places: list[Place]) -> dict[Place, float]:
    found = Outcome.objects.filter(
        turn__in={turn for turn, _, _ in places},
        version__in={version for _, version, _ in places},
        source__in={source for *_, source in places},
    ).values_list("turn_id", "version_id", "source", "score")
    return {(turn, version, source): score for turn, version, source, score in found}


def _outcome(place: Place, record: OutcomeRecord) -> Outcome:
    turn, version, source = place
    return Outcome(
        turn_id=turn,
        version_id=version,
        score=record.score,
        source=source,
        licence=record.licence,
    )
