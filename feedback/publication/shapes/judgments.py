"""`preferences` and `votes`: one row a judgment, in the order of publication."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from feedback.publication.query import ExportQuery
from feedback.publication.shapes.reading import (
    FILTERS,
    MESSAGES,
    TIME,
    TOPICS,
    Row,
    read_chunks,
)

PREFERENCES = pa.schema(
    [
        ("id", pa.string()),
        ("comparison_id", pa.string()),
        ("messages", MESSAGES),
        ("response_a", pa.string()),
        ("response_b", pa.string()),
        ("model_a", pa.string()),
        ("model_b", pa.string()),
        ("choice", pa.string()),
        ("strength", pa.float64()),
        ("aspects", pa.string()),  # a JSON object as text: its keys differ from row to row
        ("confidence", pa.float64()),
        ("reasons", pa.list_(pa.string())),
        ("rationale", pa.string()),
        ("rater_id", pa.string()),
        ("rater_kind", pa.string()),
        ("rater_role", pa.string()),
        ("judge", pa.string()),
        ("order_shown", pa.string()),
        ("duration_ms", pa.int64()),
        ("language", pa.string()),
        ("topics", pa.list_(pa.string())),
        ("campaign", pa.string()),
        ("source", pa.string()),
        ("route_source", pa.string()),
        ("propensity", pa.float64()),
        ("licence", pa.string()),
        ("created_at", TIME),
    ]
)
VOTES = pa.schema(
    [
        ("model_a", pa.string()),
        ("model_b", pa.string()),
        ("winner", pa.string()),
        ("question_id", pa.string()),
        ("rater_kind", pa.string()),
        ("rater_id", pa.string()),
        ("topic", pa.string()),
        ("created_at", TIME),
    ]
)
WINNER = {"a": "model_a", "b": "model_b", "tie": "tie", "both_bad": "both_bad"}

# A judgment's number is that of its last appearance in the sequence: its publication, or its
# removal. Without `since` only what is public now is read; with it, removals of what an earlier
# export may have given are read, too.
STATEMENT = f"""
SELECT COALESCE(p.removed_number, p.published_number) AS key,
       p.removed_number IS NOT NULL AS withdrawn,
       p.public_id AS id, c.public_id AS comparison_id, t.messages,
       ra.text AS response_a, rb.text AS response_b, va.label AS model_a, vb.label AS model_b,
       p.choice, p.strength, p.aspects::text AS aspects, p.confidence, p.reasons, p.rationale,
       r.public_id AS rater_id, r.kind AS rater_kind, p.role AS rater_role,
       CASE r.kind WHEN 'ai' THEN r.label END AS judge, NULLIF(p.order_shown, '') AS order_shown,
       p.duration_ms, NULLIF(t.language, '') AS language, {TOPICS} AS topics,
       g.slug AS campaign, p.source, route.source AS route_source, route.propensity,
       COALESCE(k.licence, p.licence) AS licence, p.judged_at AS created_at,
       COALESCE(NULLIF(t.question_id, ''), encode(t.content_hash, 'hex')) AS question_id
  FROM feedback_preference p
  JOIN feedback_comparison c ON c.id = p.comparison_id
  JOIN feedback_turn t ON t.id = c.turn_id
  JOIN feedback_rater r ON r.id = p.rater_id
  LEFT JOIN feedback_response ra ON ra.id = c.response_a_id
  LEFT JOIN feedback_response rb ON rb.id = c.response_b_id
  LEFT JOIN feedback_modelversion va ON va.id = c.version_a_id
  LEFT JOIN feedback_modelversion vb ON vb.id = c.version_b_id
  LEFT JOIN feedback_campaign g ON g.id = p.campaign_id
  LEFT JOIN feedback_consentrecord k ON k.id = p.consent_id
  LEFT JOIN LATERAL (
    SELECT 'hybrid ' || l.router_version AS source, l.propensity, l.created_at
      FROM feedback_labelroute l
     WHERE l.comparison_id = c.id AND l.campaign_id = p.campaign_id
     UNION ALL
    SELECT 'routing ' || m.router_version, m.pair_propensity, m.created_at
      FROM feedback_modelroute m WHERE m.turn_id = t.id AND p.campaign_id IS NULL
     ORDER BY created_at DESC LIMIT 1) route ON true
 WHERE p.published_number IS NOT NULL
   AND COALESCE(p.removed_number, p.published_number) > GREATEST(%(since)s, %(after)s)
   AND COALESCE(p.removed_number, p.published_number) <= %(until)s
   AND (p.removed_number IS NULL
        OR (%(followed)s AND COALESCE(p.first_number, p.published_number) <= %(since)s))
   AND (%(rater_kind)s = '' OR r.kind = %(rater_kind)s)
   AND (%(campaign)s = '' OR g.slug = %(campaign)s)
   {{extra}}{FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""
ALL = STATEMENT.format(extra="")
WITH_MODELS = STATEMENT.format(
    extra="AND c.version_a_id IS NOT NULL AND c.version_b_id IS NOT NULL"
)


def preferences(query: ExportQuery) -> Iterator[list[Row]]:
    """Our own shape: all that is known of a judgment."""
    return _read(ALL, query, _preference)


def votes(query: ExportQuery) -> Iterator[list[Row]]:
    """What ranking libraries read."""
    return _read(WITH_MODELS, query, _vote)


def _read(statement: str, query: ExportQuery, make: Callable[[Row], Row]) -> Iterator[list[Row]]:
    parameters = query.parameters() | {"followed": query.since is not None}

    def row(found: Row) -> Row:
        return {"id": found["id"], "withdrawn": True} if found["withdrawn"] else make(found)

    return read_chunks(statement, parameters, 0, row)


def _preference(found: Row) -> Row:
    return {name: found[name] for name in PREFERENCES.names}


def _vote(found: Row) -> Row:
    return {
        "model_a": found["model_a"],
        "model_b": found["model_b"],
        "winner": WINNER[found["choice"]],
        "question_id": found["question_id"],
        "rater_kind": found["rater_kind"],
        "rater_id": found["rater_id"],
        "topic": found["topics"][0] if found["topics"] else None,
        "created_at": found["created_at"],
    }
