"""Judgments of records: the same checks as the one write path, a batch at a time."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from feedback.errors import ApplicationError
from feedback.people.models import Rater
from feedback.pool.hashing import text_hash
from feedback.pool.importing.copying import rows_copy
from feedback.pool.importing.lookup import RaterName, raters_ensure
from feedback.pool.importing.report import ImportReport
from feedback.pool.importing.row_ordinals import ordinals_take
from feedback.pool.judgment import Judgment
from feedback.pool.models import Comparison, Preference, PreferenceState
from trainers.data import formats
from trainers.data.formats import PairRecord, Skipped
from trainers.data.formats.base import ANONYMOUS

UNKNOWN_LICENCE = "unknown"
SWAPPED = {"a": "b", "b": "a", "ab": "ba", "ba": "ab"}


@dataclass(slots=True)
class Arrival:
    """A checked judgment on its way into the pool."""

    record: PairRecord
    given: formats.Judgment
    comparison: Comparison
    judgment: Judgment
    rater: RaterName
    digest: bytes
    key: str = ""

    @property
    def is_unnamed(self) -> bool:
        """Whether the file does not say whose judgment this is."""
        return self.given.rater == ANONYMOUS

    def content(self) -> bytes:
        """The digest of all that the row says; identical rows have the same."""
        given = self.given
        when = given.created_at.isoformat() if given.created_at else None
        named = [*self.rater, given.rater_kind, str(self.comparison.id), when, given.duration_ms]
        return text_hash(json.dumps([*named, self.digest.hex()]))

    def place(self) -> bytes:
        """Where ordinals count: among unnamed judgments of a pair, or among identical rows."""
        if self.is_unnamed:
            return text_hash(f"pair:{self.record.source}:{self.comparison.id}")
        return self.content()


def judgments_record(
    judged: Iterable[tuple[PairRecord, Comparison, bool]], report: ImportReport
) -> None:
    """Put the records' judgments into the pool; the third value says that sides are flipped."""
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
    judgment = _in_pool_order(given, flipped)
    try:
        judgment.check()
    except ApplicationError as error:
        for column, problem in (error.fields or {}).items():
            report.skip(Skipped(record.row, column, f"invalid {column}", problem))
        return None
    return Arrival(
        record, given, comparison, judgment, (record.source, given.rater), judgment.digest()
    )


def _in_pool_order(given: formats.Judgment, flipped: bool) -> Judgment:
    """The judgment as seen from the comparison's own order."""
    swaps = SWAPPED if flipped else {}
    return Judgment(
        choice=swaps.get(given.choice, given.choice),
        strength=given.strength,
        aspects={
            name: swaps.get(value, value) if isinstance(value, str) else value
            for name, value in given.aspects.items()
        },
        confidence=given.confidence,
        reasons=tuple(given.reasons),
        rationale=given.rationale,
        order_shown=swaps.get(given.order_shown or "", given.order_shown or ""),
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
    ordinals = ordinals_take([each.place() for each in counted])
    for each, ordinal in zip(counted, ordinals, strict=True):
        if not each.key:
            each.key = text_hash(f"content:{each.content().hex()}:{ordinal}").hex()
        if each.is_unnamed and ordinal > 1:
            each.rater = each.record.source, f"{ANONYMOUS} {ordinal}"


def _unknown_to_pool(
    arrivals: Sequence[Arrival], raters: dict[RaterName, Rater], report: ImportReport
) -> list[Arrival]:
    """Those that are neither repeats nor second judgments of a comparison by one rater."""
    ids = {rater.id for rater in raters.values()}
    keys = set(
        Preference.objects.filter(
            rater__in=ids, idempotency_key__in={each.key for each in arrivals}
        ).values_list("rater_id", "idempotency_key")
    )
    judged = set(
        Preference.objects.filter(
            rater__in=ids,
            comparison__in={each.comparison.id for each in arrivals},
            state=PreferenceState.ACTIVE,
        ).values_list("rater_id", "comparison_id")
    )
    return [each for each in arrivals if _is_new(each, raters[each.rater], keys, judged, report)]


def _is_new(
    each: Arrival,
    rater: Rater,
    keys: set[tuple[UUID, str]],
    judged: set[tuple[UUID, UUID]],
    report: ImportReport,
) -> bool:
    place = rater.id, each.comparison.id
    if (rater.id, each.key) in keys:
        report.duplicates += 1
    elif rater.kind != each.given.rater_kind:
        detail = f"{rater.label!r} is known in this source as a rater of kind {rater.kind}"
        report.skip(Skipped(each.record.row, "rater_kind", "rater of another kind", detail))
    elif place in judged:
        detail = f"{rater.label!r} has judged this comparison in another row"
        report.skip(Skipped(each.record.row, "rater", "already judged by this rater", detail))
    else:
        keys.add((rater.id, each.key))
        judged.add(place)
        return True
    return False


def _preference(each: Arrival, rater: Rater) -> Preference:
    judgment = each.judgment
    return Preference(
        comparison_id=each.comparison.id,
        rater_id=rater.id,
        role=each.given.role,
        choice=judgment.choice,
        strength=judgment.strength,
        aspects=judgment.aspects,
        confidence=judgment.confidence,
        reasons=list(judgment.reasons),
        rationale=judgment.rationale,
        order_shown=judgment.order_shown,
        duration_ms=judgment.duration_ms,
        source=each.record.source,
        licence=each.record.licence or UNKNOWN_LICENCE,
        idempotency_key=each.key,
        request_digest=each.digest,
        judged_at=_past(each.given.created_at, timezone.now()),
    )


def _past(given: datetime | None, now: datetime) -> datetime:
    """When it was judged; a file without times, or with times to come, was judged by now."""
    return now if given is None else min(given, now)
