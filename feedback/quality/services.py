"""Writes about quality: the consensus of all judgments, and the reliability of raters."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from feedback.database.locks import Lock, transaction_try_lock
from feedback.pool.models import Preference
from feedback.quality.selectors import consensus_is_stale
from feedback.quality.votes import Votes, votes_load
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
   AND NOT EXISTS (  -- of who is set aside, what was known when they were
  SELECT FROM feedback_raterstanding s WHERE s.rater_id = r.rater_id AND s.state = 'quarantined')
"""


def consensus_refresh(*, even_if_current: bool = False) -> int:
    """Weigh all active judgments anew; the number of consensus rows that changed.

    Nothing is done where no judgment came or went, or where another process is at it.
    """
    with transaction.atomic():
        if not transaction_try_lock(Lock.CONSENSUS):
            return 0
        if not even_if_current and not consensus_is_stale():
            return 0
        now = timezone.now()
        votes = votes_load(Preference.objects.all())
        found = dawid_skene(
            votes.items,
            votes.raters,
            votes.choices,
            n_items=len(votes.item_ids),
            rater_groups=votes.groups,
            rater_weights=votes.weights,
        )
        return _write(votes, found, {"now": now, "noticeable": NOTICEABLE})


def _write(votes: Votes, found: Consensus, parameters: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        _copy(cursor, "consensus_fresh", _consensus_rows(votes, found))
        _copy(cursor, "reliability_fresh", _reliability_rows(votes, found))
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


def _consensus_rows(votes: Votes, found: Consensus) -> Iterable[Sequence[object]]:
    items = np.asarray(votes.items, dtype=np.intp)
    human = np.bincount(items, weights=votes.by_human(), minlength=len(votes.item_ids)).astype(int)
    every = np.bincount(items, minlength=len(votes.item_ids))
    posteriors, people = found.posteriors.tolist(), human.tolist()
    judges = (every - human).tolist()
    for comparison, place in votes.item_ids.items():
        newest = votes.newest[place]
        yield comparison, *posteriors[place], people[place], judges[place], newest


def _reliability_rows(votes: Votes, found: Consensus) -> Iterable[Sequence[object]]:
    judged = np.bincount(
        np.asarray(votes.raters, dtype=np.intp), minlength=len(votes.rater_ids)
    ).tolist()
    held = against_others(
        found,
        votes.items,
        votes.raters,
        votes.choices,
        rater_groups=votes.groups,
        weights=votes.weights,
    )
    for rater, place in votes.rater_ids.items():
        agreement = float(held.agreement[place])
        yield (
            rater,
            float(found.reliabilities[place]),
            judged[place],
            json.dumps(found.confusions[place].round(4).tolist()),
            int(held.compared[place]),
            None if math.isnan(agreement) else agreement,
            float(held.low[place]),
            float(held.high[place]),
            float(held.weight[place]),
        )
