"""Leaderboards with style held equal, from the vote counts by style."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from feedback.ranking.models import StyledBoard
from feedback.ranking.selectors import (
    CHOICE,
    BoardFilters,
    Leaderboard,
    Row,
    board_filters,
    rows_of,
)
from feedback.registry.models import ModelVersion
from trainers.ranking.style_control import StyleEffect, fit_styled
from trainers.ranking.styled_counts import MOMENTS, StyledCounts

MOMENT_SUMS = ", ".join(f"sum(moments[{place}])" for place in range(1, MOMENTS + 1))
# One row a pair, outcome and cell: how many there can be does not depend on the votes.
SUMMED = """
SELECT version_low_id, version_high_id, outcome, cell, sum(n), sum(weight), sum(square),
       ARRAY[{SUMS}]
  FROM feedback_styletally
 WHERE {TOPIC} AND (%(rater_kind)s = '' OR rater_kind = %(rater_kind)s)
 GROUP BY 1, 2, 3, 4 HAVING sum(n) > 0 ORDER BY 1, 2, 3, 4
""".replace("{SUMS}", MOMENT_SUMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StyledLeaderboard(Leaderboard):
    """With what style adds, how many judgments have texts, and since when it stands."""

    effects: tuple[StyleEffect, ...]
    texts: int
    updated_at: datetime | None  # none: rated just now

    def as_json(self) -> dict[str, Any]:
        """Return what `styled_leaderboard` reads again."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "judgments": self.judgments,
            "effects": [asdict(effect) for effect in self.effects],
            "texts": self.texts,
        }


def styled_leaderboard(*, topic: str = "", rater_kind: str = "") -> StyledLeaderboard:
    """Return ratings as of answers of equal style: the board that beat keeps, or one rated now.

    Beat keeps those that take longer than people should wait.
    """
    filters = board_filters(topic=topic, rater_kind=rater_kind)
    kept = StyledBoard.objects.filter(topic=filters.topic_id, rater_kind=rater_kind).first()
    return _read(kept) if kept else styled_rate(filters)


def styled_rate(filters: BoardFilters) -> StyledLeaderboard:
    """Return the board as the counts are now."""
    styled = styled_counts(filters)
    found = fit_styled(styled)
    judgments = int(styled.counts.n.sum())
    return StyledLeaderboard(
        rows=rows_of(found.ratings),
        judgments=judgments,
        effects=found.effects,
        texts=found.texts,
        updated_at=None,
    )


def styled_counts(filters: BoardFilters) -> StyledCounts:
    """Return the judgments summed up by pair, outcome and cell of style."""
    with connection.cursor() as cursor:
        cursor.execute(*filters.statement(SUMMED))
        rows = cursor.fetchall()
    ids = {row[0] for row in rows} | {row[1] for row in rows}
    labels = dict(ModelVersion.objects.filter(id__in=ids).values_list("id", "label"))
    texts = sum(row[4] for row in rows if row[3] is not None)
    return StyledCounts.from_rows(
        (
            (labels[low], labels[high], CHOICE[outcome], n, weight, square, moments)
            for low, high, outcome, _, n, weight, square, moments in rows
        ),
        texts,
    )


def _read(kept: StyledBoard) -> StyledLeaderboard:
    return StyledLeaderboard(
        rows=tuple(Row(**row) for row in kept.board["rows"]),
        judgments=kept.board["judgments"],
        effects=tuple(StyleEffect(**effect) for effect in kept.board["effects"]),
        texts=kept.board["texts"],
        updated_at=kept.updated_at,
    )
