"""All judgments as columns, for what is looked at in a rater's habits.

Those that are set aside are in it too: a signal stays visible, and can fade, after it had effect.
"""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from feedback.quality.votes import POSITION

Indices = NDArray[np.intp]
Floats = NDArray[np.float64]

# In the order in which they came. octet_length reads no text that is stored out of line.
JUDGED = """
SELECT p.id::text, p.comparison_id::text, p.rater_id::text, p.choice, p.order_shown, p.duration_ms,
       c.version_a_id::text, c.version_b_id::text, octet_length(a.text) + octet_length(b.text),
       r.kind
  FROM feedback_preference p
  JOIN feedback_comparison c ON c.id = p.comparison_id
  JOIN feedback_rater r ON r.id = p.rater_id
  LEFT JOIN feedback_response a ON a.id = c.response_a_id
  LEFT JOIN feedback_response b ON b.id = c.response_b_id
 WHERE p.state IN ('active', 'quarantined') ORDER BY p.id
"""
CHUNK = 20_000
LEAST_BYTES = 200  # choosing takes a moment, however short the answers
FIRST, SECOND, UNKNOWN = 0, 1, -1
FLIPPED = {0: 1, 1: 0, 2: 2, 3: 3}


@dataclass(frozen=True, slots=True)
class Judged:
    """Columns, one place a judgment, the oldest first.

    ids: keys. item: which comparison, people and AI judges apart: they are not alike. rater:
    position in rater_ids. pair: which two models, or comparison where one is not known; outcome:
    the choice in the order of the two keys. choice: position in the four choices. shown: the same
    by place on the screen, -1 where the order is not known. pace: milliseconds a byte of both
    answers, NaN where not known. theta: uniform on (0, 1), drawn by the server with the key.
    """

    ids: list[str]
    rater_ids: list[str]
    item: Indices
    rater: Indices
    choice: Indices
    pair: Indices
    outcome: Indices
    shown: Indices
    pace: Floats
    theta: Floats


def judged_load() -> Judged:
    """Read them in one pass."""
    ids: list[str] = []
    items: dict[tuple[str, str], int] = {}
    raters: dict[str, int] = {}
    pairs: dict[object, int] = {}
    columns: list[tuple[int, int, int, int, int, int, float, float]] = []
    with connection.cursor() as plain:
        plain.execute(JUDGED)
        while rows := plain.fetchmany(CHUNK):
            for key, comparison, rater, said, order, duration, a, b, size, kind in rows:
                ids.append(key)
                choice = POSITION[said]
                known = a is not None and b is not None
                pair = (kind, min(a, b), max(a, b)) if known else (kind, comparison)
                columns.append(
                    (
                        items.setdefault((kind, comparison), len(items)),
                        raters.setdefault(rater, len(raters)),
                        choice,
                        pairs.setdefault(pair, len(pairs)),
                        FLIPPED[choice] if known and a > b else choice,
                        _shown(choice, order),
                        duration / (LEAST_BYTES + size) if duration and size else np.nan,
                        _theta(key),
                    )
                )
    table = np.array(columns, dtype=np.float64).reshape(-1, 8)
    whole = [table[:, place].astype(np.intp) for place in range(6)]
    return Judged(
        ids=ids,
        rater_ids=list(raters),
        item=whole[0],
        rater=whole[1],
        choice=whole[2],
        pair=whole[3],
        outcome=whole[4],
        shown=whole[5],
        pace=table[:, 6],
        theta=table[:, 7],
    )


def _shown(choice: int, order: str) -> int:
    if order == "":
        return UNKNOWN
    return FLIPPED[choice] if order == "ba" else choice


def _theta(key: str) -> float:
    """The last 48 random bits of a key, as a number in (0, 1)."""
    return (int(key[-12:], 16) + 0.5) / 2**48
