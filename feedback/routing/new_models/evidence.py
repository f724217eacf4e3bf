"""Observations of each version since an embedding was trained, as rows of a regression.

An outcome is a row of its version. A comparison is a row of both its versions, each with the other
taken as known: its label is the mean of its active judgments that may train, by their raters'
weights, a tie or both bad being one half, and it weighs what its judgments weigh on average. Only
prompts that are encoded count, and only duels against versions that the embedding knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from feedback.identifiers import first_id_at
from feedback.training.snapshots.queries import JUDGED

MOST = 1000  # observations of a version; more add hardly anything (docs/algorithms/cold-start.md)

# After `JUDGED`, which names the active judgments that may train.
OBSERVATIONS = """
, observations AS NOT MATERIALIZED (
  SELECT s.version_id, s.opponent_id, s.score, s.weight, e.content_hash
    FROM (
      SELECT o.version_id, NULL::uuid AS opponent_id, o.score, 1.0::float8 AS weight, o.turn_id
        FROM feedback_outcome o WHERE o.id >= %(since)s
      UNION ALL
      SELECT side.version_id, side.opponent_id, side.score, d.weight, d.turn_id
        FROM (SELECT c.turn_id, c.version_a_id, c.version_b_id, avg(r.weight) AS weight,
                     sum(r.weight * CASE p.choice WHEN 'a' THEN 1 WHEN 'b' THEN 0 ELSE 0.5 END)
                       / sum(r.weight) AS won
                FROM judged p JOIN feedback_comparison c ON c.id = p.comparison_id
                JOIN feedback_rater r ON r.id = p.rater_id AND r.weight > 0
               WHERE p.id >= %(since)s AND c.version_a_id <> c.version_b_id
               GROUP BY c.id) d,
             LATERAL (VALUES (d.version_a_id, d.version_b_id, d.won),
                             (d.version_b_id, d.version_a_id, 1 - d.won))
               AS side (version_id, opponent_id, score)
    ) s
    JOIN feedback_turn t ON t.id = s.turn_id AND t.withheld_at IS NULL
    JOIN feedback_promptvector e ON e.content_hash = t.content_hash AND e.encoder_id = %(encoder)s
   WHERE s.opponent_id IS NULL OR s.opponent_id = ANY (%(known)s)
)
"""

# A sum of hashes does not depend on the order of the rows, so none has to be sorted.
FINGERPRINTS = """
SELECT version_id, count(*) || ' ' || sum(hashtextextended(concat_ws(' ',
         encode(content_hash, 'hex'), opponent_id, score, weight), 0))
  FROM observations GROUP BY version_id
"""

# Where there are too many, those that are left do not depend on when they came.
LISTED = """
SELECT version_id, encode(content_hash, 'hex') AS content_hash, opponent_id, score, weight FROM (
  SELECT *, row_number() OVER (PARTITION BY version_id
                               ORDER BY content_hash, opponent_id, score) AS position
    FROM observations WHERE version_id = ANY (%(wanted)s)
) ranked WHERE position <= %(most)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """An outcome of a version, or a duel against `opponent`; the score is in [0, 1]."""

    content_hash: str
    opponent_id: UUID | None
    score: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The observations that count: since when, by which encoder, against which versions."""

    since: datetime
    encoder_id: UUID
    known: Sequence[UUID]

    def fingerprints(self) -> dict[UUID, str]:
        """Return, by version, a short text that changes with anything that was observed of it."""
        return dict(self._rows(FINGERPRINTS))

    def observations(self, versions: Sequence[UUID]) -> dict[UUID, list[Observation]]:
        """Return the observations of these versions, at most `MOST` of each."""
        found: dict[UUID, list[Observation]] = {}
        for version, content_hash, opponent, score, weight in self._rows(
            LISTED, wanted=list(versions), most=MOST
        ):
            observation = Observation(
                content_hash=content_hash, opponent_id=opponent, score=score, weight=weight
            )
            found.setdefault(version, []).append(observation)
        return found

    def _rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        values |= {
            "since": first_id_at(self.since),
            "encoder": self.encoder_id,
            "known": list(self.known),
        }
        with connection.cursor() as cursor:
            cursor.execute(JUDGED + OBSERVATIONS + query, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
