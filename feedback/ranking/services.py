"""Keep the vote counts small, and what takes long to compute from them at hand."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Max
from django.utils import timezone

from feedback.ranking.models import RankingCheck, StyledBoard, StyleTally
from feedback.ranking.selectors import BoardFilters, pair_counts
from feedback.ranking.style_control import MOMENT_SUMS, styled_rate
from trainers.ranking import fit
from trainers.ranking.checks import checks

COMPACT = """
WITH taken AS (
  DELETE FROM feedback_votetally
   WHERE id IN (SELECT id FROM feedback_votetally ORDER BY id FOR UPDATE SKIP LOCKED)
  RETURNING version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square
)
INSERT INTO feedback_votetally
  (version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square)
SELECT version_low_id, version_high_id, outcome, rater_kind, topic_id, sum(n), sum(weight),
       sum(square)
  FROM taken GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0
"""
CELL = "version_low_id, version_high_id, outcome, rater_kind, topic_id, cell"
# Only cells of more than one row are touched: there are more of them than pairs.
COMPACT_STYLES = """
WITH several AS (
  SELECT id FROM (
    SELECT id, count(*) OVER (PARTITION BY {CELL}) AS together FROM feedback_styletally) counted
   WHERE together > 1
), taken AS (
  DELETE FROM feedback_styletally
   WHERE id IN (SELECT id FROM feedback_styletally WHERE id IN (SELECT id FROM several)
                 ORDER BY id FOR UPDATE SKIP LOCKED)
  RETURNING {CELL}, n, weight, square, moments
)
INSERT INTO feedback_styletally ({CELL}, n, weight, square, moments)
SELECT {CELL}, sum(n), sum(weight), sum(square),
       ARRAY[{SUMS}]
  FROM taken GROUP BY {CELL} HAVING sum(n) <> 0
""".replace("{CELL}", CELL).replace("{SUMS}", MOMENT_SUMS)
WHILE_WAITING = 5_000  # rows of counts that are rated while somebody waits; more are kept


def vote_counts_compact() -> int:
    """Sum up the increments of vote counts: one row a (pair, outcome, kind, topic).

    One transaction: a reader sees either the increments or their sum. Return how many rows there
    are now.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COMPACT)
        rows: int = cursor.rowcount
        return rows


def style_counts_compact() -> None:
    """Sum up the increments of vote counts by style, likewise."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COMPACT_STYLES)


def styled_boards_refresh() -> int:
    """Rate the changed boards that are too large to rate while somebody waits; return how many."""
    large = {
        (topic, kind): newest
        for (topic, kind), (rows, newest) in _boards().items()
        if rows > WHILE_WAITING
    }
    for board in StyledBoard.objects.all():
        if (newest := large.get((board.topic_id, board.rater_kind))) is None:
            board.delete()
        elif newest == board.newest:
            del large[board.topic_id, board.rater_kind]
    for (topic, kind), newest in large.items():
        _keep(topic, kind, newest)
    return len(large)


def check_refresh() -> RankingCheck | None:
    """Check the ranking of all judgments anew; None where fewer than two models are compared."""
    counts = pair_counts()
    report = checks(counts, fit(counts), seed=0) if len(counts.models) > 1 else None
    with transaction.atomic():
        RankingCheck.objects.all().delete()
        if report is None:
            return None
        return RankingCheck.objects.create(
            judgments=int(counts.n.sum()), report=report, updated_at=timezone.now()
        )


def _boards() -> dict[tuple[UUID | None, str], tuple[int, int]]:
    """Return how many counts each board has, and the newest, by topic and kind of rater."""
    found: dict[tuple[UUID | None, str], tuple[int, int]] = {}
    counted = StyleTally.objects.values_list("topic", "rater_kind").annotate(
        rows=Count("id"), newest=Max("id")
    )
    for topic, kind, rows, newest in counted:
        found[topic, kind] = (rows, newest)
        before = found.get((topic, ""), (0, 0))
        found[topic, ""] = (before[0] + rows, max(before[1], newest))
    return found


def _keep(topic: UUID | None, kind: str, newest: int) -> None:
    board: dict[str, Any] = {"topic_id": topic, "rater_kind": kind}
    StyledBoard.objects.update_or_create(
        **board,
        defaults={
            "board": styled_rate(BoardFilters(topic_id=topic, rater_kind=kind)).as_json(),
            "newest": newest,
            "updated_at": timezone.now(),
        },
    )
