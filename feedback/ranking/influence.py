"""How few judgments hold the first place: computed where vote counts are compacted, for pages."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from feedback.pool.models import Preference
from feedback.ranking.models import Influence, VoteTally
from feedback.ranking.selectors import CHOICE
from trainers.ranking import PairCounts
from trainers.ranking.counts import LIGHTEST
from trainers.ranking.influence import fewest_to_unseat

LISTED = 100  # judgments that an operator is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Judgments that cannot be told apart by a ranking: two models, an outcome, a kind of rater."""

    low: str
    high: str
    outcome: str
    kind: str


def influence_refresh() -> Influence | None:
    """Find anew how few judgments would change who is first; None with fewer than two models."""
    cells, counts = _cells()
    if len(counts.models) < 2:
        Influence.objects.all().delete()
        return None
    judgments = round(float(counts.n.sum()))
    found = fewest_to_unseat(counts)
    chosen = [
        {
            "low": cells[row].low,
            "high": cells[row].high,
            "outcome": cells[row].outcome,
            "kind": cells[row].kind,
            "count": number,
        }
        for row, number in found.cells
    ]
    with transaction.atomic():
        Influence.objects.all().delete()
        return Influence.objects.create(
            leader=found.leader,
            challenger=found.challenger,
            dropped=found.dropped or None,
            judgments=judgments,
            cells=chosen,
            updated_at=timezone.now(),
        )


def influence_current() -> Influence | None:
    """Return what was found last; None before the first time."""
    return Influence.objects.order_by("-updated_at").first()


def influential_judgments(influence: Influence) -> list[Preference]:
    """Return judgments of those cells, as many of each as it takes, whichever those are."""
    found: list[Preference] = []
    for cell in influence.cells:
        room = LISTED - len(found)
        if room > 0:
            found += _of_cell(cell)[: min(cell["count"], room)]
    return found


def _cells() -> tuple[list[Cell], PairCounts]:
    """Return the cells of all judgments and their counts, in the same order."""
    sums = (
        VoteTally.objects.filter(topic=None)
        .values_list("version_low__label", "version_high__label", "outcome", "rater_kind")
        .annotate(total=Sum("n"), weights=Sum("weight"), squares=Sum("square"))
    )
    rows = [row for row in sums if row[4] > 0 and row[5] > LIGHTEST]
    rows.sort(key=lambda row: row[:4])
    counts = PairCounts.from_weighted(
        (low, high, CHOICE[outcome], n, weight, square)
        for low, high, outcome, _, n, weight, square in rows
    )
    cells = [
        Cell(low=low, high=high, outcome=outcome, kind=kind)
        for low, high, outcome, kind, *_sums in rows
    ]
    return cells, counts


def _of_cell(cell: dict[str, str]) -> QuerySet[Preference]:
    """Return active judgments of a cell, whichever way round their comparison stands."""
    names = {"low": cell["low"], "high": cell["high"]}
    rows = (
        Preference.objects.active()
        .filter(
            rater__kind=cell["kind"],
            comparison__unranked_reason="",
            comparison__version_a__label__in=names.values(),
            comparison__version_b__label__in=names.values(),
        )
        .select_related(
            "comparison__turn", "rater", "comparison__version_a", "comparison__version_b"
        )
    )
    if cell["outcome"] in names:
        winner = names[cell["outcome"]]
        won_a = rows.filter(choice="a", comparison__version_a__label=winner)
        return won_a | rows.filter(choice="b", comparison__version_b__label=winner)
    return rows.filter(choice=cell["outcome"])
