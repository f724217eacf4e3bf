"""Judgments of records: the same checks as the one write path, a batch at a time."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from feedback.errors import InvalidError
from feedback.people.models import Rater
from feedback.pool.hashing import text_hash
from feedback.pool.importing.copying import rows_copy
from feedback.pool.importing.lookup import RaterName, raters_ensure
from feedback.pool.importing.report import ImportReport
from feedback.pool.importing.row_ordinals import ordinals_take
from feedback.pool.judgment import Judgment
from feedback.pool.models import Comparison, Preference
from feedback.pool.services import Provenance, preference_row
from trainers.data import formats
from trainers.data.formats import PairRecord, Skipped
from trainers.data.formats.base import ANONYMOUS

UNKNOWN_LICENCE = "unknown"


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A checked judgment on its way into the pool."""

    record: PairRecord
    given: formats.Judgment
    comparison: Comparison
    judgment: Judgment
    rater: RaterName
    key: str = ""

    @property
    def is_unnamed(self) -> bool:
        """Return whether the file does not say whose judgment this is."""
        return self.given.rater == ANONYMOUS

    def content(self) -> bytes:
        """Return the digest of all that the row says; identical rows have the same."""
        given = self.given
        when = given.created_at.isoformat() if given.created_at else None
        named = [*self.rater, given.rater_kind, str(self.comparison.id), when, given.duration_ms]
        return text_hash(json.dumps([*named, self.judgment.digest().hex()]))

    def counted_as(self) -> bytes:
        """Return what its ordinal counts: unnamed judgments of a pair, or identical rows."""
        if self.is_unnamed:
            return text_hash(f"pair:{self.record.source}:{self.comparison.id}")
        return self.content()


def judgments_record(
    judged: Iterable[tuple[PairRecord, Comparison, bool]], report: ImportReport
) -> None:
    """Put the records' judgments into the pool.

    `judged` pairs each record with its comparison, and says whether the file has the sides the
    other way round.
    """
    arrivals = [
        arrival
        for record, comparison, flipped in judged
        for given in record.judgments
        if (arrival := _checked(record, given, comparison, flipped, report)) is not None
    ]
    _name_rows(arrivals)
    raters = raters_ensure({each.rater: each.given.rater_kind for each in arrivals}, report)
    new = _unknown_to_pool(arrivals, raters, report)
    rows_copy(Preference, (_preference(each, raters[each.rater]) for each in new))
    report.created["preferences"] += len(new)


def _checked(
    record: PairRecord,
    given: formats.Judgment,
    comparison: Comparison,
    flipped: bool,
    report: ImportReport,
) -> Arrival | None:
    judgment = _judgment_of(given)
    if flipped:
        judgment = judgment.swapped()
    try:
        judgment.check()
    except InvalidError as error:
        for column, problem in (error.fields or {}).items():
            report.skip(Skipped(record.row, column, f"invalid {column}", problem))
        return None
    return Arrival(
        record=record,
        given=given,
        comparison=comparison,
        judgment=judgment,
        rater=(record.source, given.rater),
    )


def _judgment_of(given: formats.Judgment) -> Judgment:
    """Return what a record of a file says as the pool has it, in the file's own order."""
    return Judgment(
        choice=given.choice,
        strength=given.strength,
        aspects=dict(given.aspects),
        confidence=given.confidence,
        reasons=tuple(given.reasons),
        rationale=given.rationale,
        order_shown=given.order_shown or "",
        duration_ms=given.duration_ms,
    )


def _name_rows(arrivals: list[Arrival]) -> None:
    """Give each judgment its idempotency key, and raters without a name a number.

    A row is known by its source and its identifier there, or else by its content and its ordinal
    among identical rows of the file. Two unnamed judgments of one pair are two people's.
    """
    for each in arrivals:
        if each.record.external_id:
            each.key = text_hash(f"row:{each.record.source}:{each.record.external_id}").hex()
    counted = [each for each in arrivals if not each.key or each.is_unnamed]
    ordinals = ordinals_take([each.counted_as() for each in counted])
    for each, ordinal in zip(counted, ordinals, strict=True):
        if not each.key:
            each.key = text_hash(f"content:{each.content().hex()}:{ordinal}").hex()
        if each.is_unnamed and ordinal > 1:
            each.rater = each.record.source, f"{ANONYMOUS} {ordinal}"


def _unknown_to_pool(
    arrivals: Sequence[Arrival], raters: dict[RaterName, Rater], report: ImportReport
) -> list[Arrival]:
    """Keep those that are neither repeats nor second judgments of a comparison by one rater."""
    ids = {rater.id for rater in raters.values()}
    keys = set(
        Preference.objects.filter(
            rater__in=ids, idempotency_key__in={each.key for each in arrivals}
        ).values_list("rater_id", "idempotency_key")
    )
    judged = set(
        Preference.objects.active()
        .filter(rater__in=ids, comparison__in={each.comparison.id for each in arrivals})
        .values_list("rater_id", "comparison_id")
    )
    return [each for each in arrivals if _is_new(each, raters[each.rater], keys, judged, report)]


def _is_new(
    each: Arrival,
    rater: Rater,
    keys: set[tuple[UUID, str]],
    judged: set[tuple[UUID, UUID]],
    report: ImportReport,
) -> bool:
    pair = rater.id, each.comparison.id
    if (rater.id, each.key) in keys:
        report.duplicates += 1
    elif rater.kind != each.given.rater_kind:
        detail = f"{rater.label!r} is known in this source as a rater of kind {rater.kind}"
        report.skip(Skipped(each.record.row, "rater_kind", "rater of another kind", detail))
    elif pair in judged:
        detail = f"{rater.label!r} has judged this comparison in another row"
        report.skip(Skipped(each.record.row, "rater", "already judged by this rater", detail))
    else:
        keys.add((rater.id, each.key))
        judged.add(pair)
        return True
    return False


def _preference(each: Arrival, rater: Rater) -> Preference:
    return preference_row(
        comparison_id=each.comparison.id,
        rater_id=rater.id,
        judgment=each.judgment,
        idempotency_key=each.key,
        provenance=Provenance(
            source=each.record.source,
            licence=each.record.licence or UNKNOWN_LICENCE,
            role=each.given.role,
            judged_at=_past(each.given.created_at, timezone.now()),
        ),
    )


def _past(given: datetime | None, now: datetime) -> datetime:
    """Return when it was judged: by now, if the file gives no time or one to come."""
    return now if given is None else min(given, now)
