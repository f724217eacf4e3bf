"""Outcomes of records: a model's score on a prompt."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from feedback.pool.importing.copying import rows_copy
from feedback.pool.importing.report import ImportReport
from feedback.pool.models import Outcome
from trainers.data.formats import OutcomeRecord, Skipped

ScoreKey = tuple[UUID, UUID, str]  # prompt, model version, source


def outcomes_record(
    scored: Sequence[tuple[OutcomeRecord, UUID]], versions: Mapping[str, UUID], report: ImportReport
) -> None:
    """Store scores, each with its prompt; a source gives a model one score on a prompt."""
    rows = [((turn, versions[record.model], record.source), record) for record, turn in scored]
    known = _known([key for key, _ in rows])
    new = []
    for key, record in rows:
        if key not in known:
            known[key] = record.score
            new.append(_outcome(key, record))
        elif known[key] == record.score:
            report.duplicates += 1
        else:
            detail = f"{record.model!r} has another score on this prompt already"
            report.skip(Skipped(record.row, "score", "already scored", detail))
    rows_copy(Outcome, new)
    report.created["outcomes"] += len(new)


def _known(keys: list[ScoreKey]) -> dict[ScoreKey, float]:
    found = Outcome.objects.filter(
        turn__in={turn for turn, _, _ in keys},
        version__in={version for _, version, _ in keys},
        source__in={source for *_, source in keys},
    ).values_list("turn_id", "version_id", "source", "score")
    return {(turn, version, source): score for turn, version, source, score in found}


def _outcome(key: ScoreKey, record: OutcomeRecord) -> Outcome:
    turn, version, source = key
    return Outcome(
        turn_id=turn,
        version_id=version,
        score=record.score,
        source=source,
        licence=record.licence,
    )
