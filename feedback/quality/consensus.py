"""The consensus of all judgments and the reliability of raters, written where they moved."""

import json
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from feedback.quality.judgments import Judgments
from trainers.statistics.consensus import Consensus, dawid_skene
from trainers.statistics.reliability import against_others

NOTICEABLE = 0.001  # a probability that moves by less is not written again

STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS consensus_fresh (
  comparison_id uuid, p_a float8, p_b float8, p_tie float8, p_both_bad float8,
  n_human int, n_ai int, newest timestamptz) ON COMMIT DROP;
CREATE TEMPORARY TABLE IF NOT EXISTS reliability_fresh (
  rater_id uuid, accuracy float8, judgments int, confusion jsonb, compared int, agreement float8,
  low float8, high float8, skill float8) ON COMMIT DROP;
TRUNCATE consensus_fresh, reliability_fresh;
"""
WRITE_CONSENSUS = """
INSERT INTO feedback_consensus AS old (id, created_at, comparison_id, p_a, p_b, p_tie, p_both_bad,
                                       n_human, n_ai, updated_at)
SELECT gen_random_uuid(), %(now)s, comparison_id, p_a, p_b, p_tie, p_both_bad, n_human, n_ai,
       %(now)s
  FROM consensus_fresh f
 WHERE NOT EXISTS (
   SELECT FROM feedback_consensus c
    WHERE c.comparison_id = f.comparison_id AND c.n_human = f.n_human AND c.n_ai = f.n_ai
      AND c.updated_at > f.newest
      AND greatest(abs(c.p_a - f.p_a), abs(c.p_b - f.p_b), abs(c.p_tie - f.p_tie),
                   abs(c.p_both_bad - f.p_both_bad)) < %(noticeable)s)
ON CONFLICT (comparison_id) DO UPDATE SET
  p_a = EXCLUDED.p_a, p_b = EXCLUDED.p_b, p_tie = EXCLUDED.p_tie, p_both_bad = EXCLUDED.p_both_bad,
  n_human = EXCLUDED.n_human, n_ai = EXCLUDED.n_ai, updated_at = EXCLUDED.updated_at
"""
DROP_CONSENSUS = """
DELETE FROM feedback_consensus c WHERE NOT EXISTS (
  SELECT FROM consensus_fresh f WHERE f.comparison_id = c.comparison_id)
"""
WRITE_RELIABILITY = """
INSERT INTO feedback_raterreliability AS old
  (id, created_at, rater_id, accuracy, judgments, confusion, compared, agreement, low, high, skill,
   updated_at)
SELECT gen_random_uuid(), %(now)s, rater_id, accuracy, judgments, confusion, compared, agreement,
       low, high, skill, %(now)s
  FROM reliability_fresh
ON CONFLICT (rater_id) DO UPDATE SET accuracy = EXCLUDED.accuracy,
  judgments = EXCLUDED.judgments, confusion = EXCLUDED.confusion, compared = EXCLUDED.compared,
  agreement = EXCLUDED.agreement, low = EXCLUDED.low, high = EXCLUDED.high,
  skill = EXCLUDED.skill, updated_at = EXCLUDED.updated_at
WHERE (old.judgments, old.compared) <> (EXCLUDED.judgments, EXCLUDED.compared)
   OR abs(old.accuracy - EXCLUDED.accuracy) >= %(noticeable)s
   OR abs(old.skill - EXCLUDED.skill) >= %(noticeable)s
"""
DROP_RELIABILITY = """
DELETE FROM feedback_raterreliability r WHERE NOT EXISTS (
  SELECT FROM reliability_fresh f WHERE f.rater_id = r.rater_id)
   AND NOT EXISTS (  -- of who is in quarantine, what was known when they came there
  SELECT FROM feedback_raterstanding s WHERE s.rater_id = r.rater_id AND s.state = 'quarantined')
"""


def consensus_write(judgments: Judgments, now: datetime) -> int:
    """Find the consensus of judgments that all count; return how many of its rows changed.

    now: before the judgments were read, so that one that came in meanwhile is noticed as newer.
    """
    found = dawid_skene(
        judgments.comparison,
        judgments.rater,
        judgments.choice,
        n_items=len(judgments.comparison_ids),
        rater_groups=judgments.raters.group,
        rater_weights=judgments.raters.tier_weight,
    )
    parameters: dict[str, Any] = {"now": now, "noticeable": NOTICEABLE}
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        _copy(cursor, "consensus_fresh", _consensus_rows(judgments, found))
        _copy(cursor, "reliability_fresh", _reliability_rows(judgments, found))
        cursor.execute(WRITE_CONSENSUS, parameters)
        changed: int = cursor.rowcount
        cursor.execute(DROP_CONSENSUS)
        changed += cursor.rowcount
        cursor.execute(WRITE_RELIABILITY, parameters)
        cursor.execute(DROP_RELIABILITY)
    return changed


def _copy(cursor: Any, table: str, rows: Iterable[Sequence[object]]) -> None:
    with cursor.cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _consensus_rows(judgments: Judgments, found: Consensus) -> Iterable[Sequence[object]]:
    """Give the rows of `consensus_fresh`."""
    size = len(judgments.comparison_ids)
    every = np.bincount(judgments.comparison, minlength=size)
    human = np.bincount(judgments.comparison[judgments.by_human()], minlength=size)
    return (
        (comparison, *posterior, people, judges, newest)
        for comparison, posterior, people, judges, newest in zip(
            judgments.comparison_ids,
            found.posteriors.tolist(),
            human.tolist(),
            (every - human).tolist(),
            judgments.newest(),
            strict=True,
        )
    )


def _reliability_rows(judgments: Judgments, found: Consensus) -> Iterable[Sequence[object]]:
    """Give the rows of `reliability_fresh`."""
    raters = judgments.raters
    counts = np.bincount(judgments.rater, minlength=len(raters.ids)).tolist()
    compared = against_others(
        found,
        judgments.comparison,
        judgments.rater,
        judgments.choice,
        rater_groups=raters.group,
        weights=raters.tier_weight,
    )
    for rater, key in enumerate(raters.ids):
        agreement = float(compared.agreement[rater])
        yield (
            key,
            float(found.reliabilities[rater]),
            counts[rater],
            json.dumps(found.confusions[rater].round(4).tolist()),
            int(compared.compared[rater]),
            None if math.isnan(agreement) else agreement,
            float(compared.low[rater]),
            float(compared.high[rater]),
            float(compared.weight[rater]),
        )
