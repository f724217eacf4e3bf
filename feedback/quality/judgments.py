"""All judgments as arrays: read once, shared by consensus, reliability, checks and agreement.

Those in quarantine are read too: a check stays visible, and can fade, after it had effect. What
counts is `active()`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from feedback.people.models import TIER_WEIGHT, RaterKind, TrustTier
from feedback.quality.aspect_values import AspectCollector, AspectValues
from trainers.arrays import Bools, Floats, Indices, Ints
from trainers.statistics.consensus import CLASSES

# In the order in which they came: keys grow with time. octet_length reads no text that is stored
# out of line. The smaller version comes first in `pair`, so that either order is one pair.
JUDGMENTS = """
SELECT p.id::text, p.comparison_id::text, p.rater_id::text, p.campaign_id::text,
       p.choice, p.order_shown, p.state = 'active', COALESCE(p.duration_ms, 0),
       (extract(epoch FROM p.created_at) * 1000000)::bigint,
       CASE WHEN c.version_a_id <= c.version_b_id
            THEN c.version_a_id::text || c.version_b_id::text
            ELSE c.version_b_id::text || c.version_a_id::text END,
       COALESCE(c.version_a_id > c.version_b_id, false),
       COALESCE(octet_length(a.text) + octet_length(b.text), 0),
       COALESCE((p.choice = g.choice)::int, -1),
       CASE WHEN p.rationale <> '' THEN md5(lower(btrim(p.rationale))) END,
       NULLIF(p.aspects, '{}')
  FROM feedback_preference p
  JOIN feedback_comparison c ON c.id = p.comparison_id
  LEFT JOIN feedback_response a ON a.id = c.response_a_id
  LEFT JOIN feedback_response b ON b.id = c.response_b_id
  LEFT JOIN feedback_golditem g
    ON g.comparison_id = p.comparison_id AND g.campaign_id = p.campaign_id
 WHERE p.state IN ('active', 'quarantined')
   AND (%(campaign)s::uuid IS NULL OR EXISTS (
     SELECT FROM feedback_task t
      WHERE t.comparison_id = p.comparison_id AND t.campaign_id = %(campaign)s::uuid))
 ORDER BY p.id
"""
RATERS = """
SELECT r.id::text, r.kind, r.source, who.trust_tier
  FROM feedback_rater r LEFT JOIN feedback_contributor who ON who.id = r.contributor_id
 WHERE r.id = ANY(%s::uuid[])
"""
CHUNK = 20_000
LEAST_BYTES = 200  # choosing takes a moment, however short the answers
POSITION = {choice: position for position, choice in enumerate(CLASSES)}
FLIPPED = np.array([1, 0, 2, 3])  # the same choice, seen from the other answer
ORDERS = {"ab": 0, "ba": 1, "": 2}
NONE = -1  # no such thing, or not known
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raters:
    """The raters of some judgments, r of them.

    ids: their keys. human: (r,), whether a person. group: (r,), people of a source apart from the
    judges of it; raters of one group are taken to resemble each other. tier_weight: (r,), what a
    judgment counts by trust tier alone: how reliable its rater is, the consensus finds itself.
    """

    ids: Sequence[str]
    human: Bools
    group: Indices
    tier_weight: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgments:
    """n judgments as columns, the oldest first; all arrays are (n,).

    keys: primary keys, ASCII. comparison, rater, campaign: positions in comparison_ids, raters.ids
    and campaign_ids; NONE outside a campaign. choice: position in CLASSES. active: whether it
    counts, or is in quarantine. created: microseconds since 1970. pair: which two models, or which
    comparison where one is not known. outcome: the choice as seen from the smaller of the two
    models' keys. displayed: the choice by position on the screen, NONE where that is not known.
    pace: milliseconds a byte of both answers, NaN where not known. gold: whether a gold item was
    answered right, NONE where it was none. rationale: equal numbers are equal words, NONE without.
    theta: uniform on (0, 1), drawn with the key. aspects: what was said of aspects.
    """

    keys: np.ndarray[Any, np.dtype[np.bytes_]]
    comparison: Indices
    rater: Indices
    campaign: Indices
    choice: Indices
    active: Bools
    created: Ints
    pair: Indices
    outcome: Indices
    displayed: Indices
    pace: Floats
    gold: Indices
    rationale: Indices
    theta: Floats
    aspects: AspectValues
    comparison_ids: Sequence[str]
    campaign_ids: Sequence[str]
    raters: Raters

    def __len__(self) -> int:
        return len(self.keys)

    def by_human(self) -> Bools:
        """Return whether each judgment came from a person, (n,)."""
        return self.raters.human[self.rater]

    def by_rater(self) -> Iterator[tuple[int, Indices]]:
        """Give each rater and the positions of their judgments, the oldest first."""
        order = np.argsort(self.rater, kind="stable")
        ends = np.cumsum(np.bincount(self.rater, minlength=len(self.raters.ids)))
        yield from enumerate(np.split(order, ends)[: len(ends)])

    def newest(self) -> list[datetime]:
        """Return when each comparison was judged last, (comparisons,)."""
        last = np.zeros(len(self.comparison_ids), dtype=np.int64)
        np.maximum.at(last, self.comparison, self.created)
        return [EPOCH + timedelta(microseconds=each) for each in last.tolist()]

    def where(self, kept: Bools) -> "Judgments":
        """Return some of the judgments, with the comparisons and raters that these leave."""
        comparisons, comparison = np.unique(self.comparison[kept], return_inverse=True)
        raters, rater = np.unique(self.rater[kept], return_inverse=True)
        columns: dict[str, Any] = {
            field.name: value[kept]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        columns |= {"comparison": comparison, "rater": rater, "aspects": self.aspects.where(kept)}
        return replace(
            self,
            **columns,
            comparison_ids=[self.comparison_ids[each] for each in comparisons.tolist()],
            raters=Raters(
                ids=[self.raters.ids[each] for each in raters.tolist()],
                human=self.raters.human[raters],
                group=self.raters.group[raters],
                tier_weight=self.raters.tier_weight[raters],
            ),
        )

    def active_only(self) -> "Judgments":
        """Return the judgments that count."""
        return self.where(self.active)


def judgments_load(*, campaign_tasks: UUID | None = None) -> Judgments:
    """Read all judgments, or those of the comparisons that a campaign asks about."""
    columns = _Columns()
    with connection.chunked_cursor() as cursor:  # the result is not held here as a whole
        cursor.execute(JUDGMENTS, {"campaign": campaign_tasks})
        while rows := cursor.fetchmany(CHUNK):
            columns.add(rows)
    return columns.judgments(_raters(list(columns.raters)))


def _raters(ids: list[str]) -> Raters:
    with connection.cursor() as cursor:
        cursor.execute(RATERS, [ids])
        known = {key: rest for key, *rest in cursor.fetchall()}
    groups = _Numbers()
    tiers = [known[key][2] for key in ids]
    return Raters(
        ids=ids,
        human=np.array([known[key][0] == RaterKind.HUMAN for key in ids], dtype=bool),
        group=np.array([groups[tuple(known[key][:2])] for key in ids], dtype=np.intp),
        tier_weight=np.array(
            [1.0 if tier is None else TIER_WEIGHT[TrustTier(tier)] for tier in tiers]
        ),
    )


class _Numbers(dict[Any, int]):
    """Number values in the order in which they are met."""

    def __missing__(self, value: Any) -> int:
        self[value] = number = len(self)
        return number

    def of(self, values: Sequence[Any]) -> Indices:
        """Return the number of each value; NONE of None."""
        return np.array([NONE if each is None else self[each] for each in values], dtype=np.intp)


class _Columns:
    """Rows of the database, turned into columns chunk by chunk."""

    def __init__(self) -> None:
        self.comparisons, self.raters, self.campaigns = _Numbers(), _Numbers(), _Numbers()
        self.pairs, self.rationales = _Numbers(), _Numbers()
        self.aspects = AspectCollector(POSITION)
        self.chunks: list[dict[str, np.ndarray[Any, Any]]] = []
        self.read = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take one more chunk of rows of JUDGMENTS."""
        (
            keys, comparisons, raters, campaigns, choices, orders, active, durations, created,
            pairs, flipped, sizes, gold, rationales, aspects,
        ) = zip(*rows, strict=True)  # fmt: skip  # in the order of the SELECT, line by line
        self.aspects.add(aspects, first=self.read)
        self.read += len(rows)
        choice = np.array([POSITION[each] for each in choices], dtype=np.intp)
        order = np.array([ORDERS[each] for each in orders], dtype=np.intp)
        duration, size = np.array(durations, dtype=np.float64), np.array(sizes, dtype=np.float64)
        either = [pair or comparison for pair, comparison in zip(pairs, comparisons, strict=True)]
        self.chunks.append(
            {
                "keys": np.array(keys, dtype="S36"),
                "comparison": self.comparisons.of(comparisons),
                "rater": self.raters.of(raters),
                "campaign": self.campaigns.of(campaigns),
                "choice": choice,
                "active": np.array(active, dtype=bool),
                "created": np.array(created, dtype=np.int64),
                "pair": self.pairs.of(either),
                "outcome": np.where(np.array(flipped, dtype=bool), FLIPPED[choice], choice),
                "displayed": np.select([order == 0, order == 1], [choice, FLIPPED[choice]], NONE),
                "pace": np.where(
                    (duration > 0) & (size > 0), duration / (LEAST_BYTES + size), np.nan
                ),
                "gold": np.array(gold, dtype=np.intp),
                "rationale": self.rationales.of(rationales),
                # The last 48 bits of a key are random: a number in (0, 1).
                "theta": (np.array([int(key[-12:], 16) for key in keys]) + 0.5) / 2**48,
            }
        )

    def judgments(self, raters: Raters) -> Judgments:
        """Return all that was taken."""
        chunks = self.chunks or [_EMPTY]
        joined = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
        return Judgments(
            **joined,
            aspects=self.aspects.values(),
            comparison_ids=list(self.comparisons),
            campaign_ids=list(self.campaigns),
            raters=raters,
        )


_EMPTY: dict[str, np.ndarray[Any, Any]] = {
    "keys": np.zeros(0, dtype="S36"),
    **dict.fromkeys(("comparison", "rater", "campaign", "choice"), np.zeros(0, dtype=np.intp)),
    **dict.fromkeys(("pair", "outcome", "displayed", "gold"), np.zeros(0, dtype=np.intp)),
    "rationale": np.zeros(0, dtype=np.intp),
    "active": np.zeros(0, dtype=bool),
    "created": np.zeros(0, dtype=np.int64),
    **dict.fromkeys(("pace", "theta"), np.zeros(0)),
}
