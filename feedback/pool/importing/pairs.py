"""Comparisons of records, found or created, whichever side came first."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from feedback.pool.importing.copying import rows_copy
from feedback.pool.importing.report import ImportReport
from feedback.pool.models import Comparison, ComparisonOrigin, OriginKind

PairKey = tuple[UUID, frozenset[UUID]]  # prompt, two responses or two model versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A comparison as a file gives it: with responses, or with model versions alone."""

    turn_id: UUID
    response_a: UUID | None
    response_b: UUID | None
    version_a: UUID | None
    version_b: UUID | None
    source: str

    @property
    def first(self) -> UUID | None:
        """Return what stands on side a: the response, or the model version where there is none."""
        return self.response_a or self.version_a

    @property
    def key(self) -> PairKey:
        """Return the pair without its order."""
        second = self.response_b or self.version_b
        return self.turn_id, frozenset(side for side in (self.first, second) if side)


def pairs_ensure(pairs: Collection[Pair], report: ImportReport) -> dict[PairKey, Comparison]:
    """Return the comparisons by key, made where new, each marked with the sources that have it."""
    wanted = {pair.key: pair for pair in reversed(list(pairs))}
    known = _known(wanted)
    new = [_new_comparison(pair) for key, pair in wanted.items() if key not in known]
    rows_copy(Comparison, new)
    report.created["comparisons"] += len(new)
    known.update((_key(comparison), comparison) for comparison in new)
    origins = {(known[pair.key].id, pair.source) for pair in pairs}
    ComparisonOrigin.objects.bulk_create(
        [
            ComparisonOrigin(comparison_id=comparison, kind=OriginKind.IMPORT, source=source)
            for comparison, source in origins
        ],
        ignore_conflicts=True,
    )
    return known


def is_flipped(pair: Pair, comparison: Comparison) -> bool:
    """Return whether the file has the sides of a pair in the other order than the pool."""
    return pair.first != (comparison.response_a_id or comparison.version_a_id)


def _known(wanted: dict[PairKey, Pair]) -> dict[PairKey, Comparison]:
    responses = {pair.response_a for pair in wanted.values()} | {
        pair.response_b for pair in wanted.values()
    }
    silent = {pair.turn_id for pair in wanted.values() if pair.response_a is None}
    found = [
        *Comparison.objects.filter(response_a__in=responses, response_b__in=responses),
        *Comparison.objects.filter(turn__in=silent, response_a=None),
    ]
    keyed = {_key(comparison): comparison for comparison in found}
    return {key: comparison for key, comparison in keyed.items() if key in wanted}


def _key(comparison: Comparison) -> PairKey:
    sides = (
        comparison.response_a_id or comparison.version_a_id,
        comparison.response_b_id or comparison.version_b_id,
    )
    return comparison.turn_id, frozenset(side for side in sides if side)


def _new_comparison(pair: Pair) -> Comparison:
    return Comparison(
        turn_id=pair.turn_id,
        response_a_id=pair.response_a,
        response_b_id=pair.response_b,
        version_a_id=pair.version_a,
        version_b_id=pair.version_b,
    )
