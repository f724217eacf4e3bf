"""`preferences` and `votes`: one row a judgment, in the order of publication."""

from collections.abc import Callable, Iterator

import pyarrow as pa
from django.utils.translation import gettext_lazy as _

from feedback.publication.shapes.base import (
    FILTERS,
    MESSAGES,
    TIME,
    Column,
    ExportQuery,
    Row,
    Shape,
)
from feedback.publication.shapes.reading import TOPICS, TURN_FILTERS, read_chunks

PREFERENCE_COLUMNS = (
    Column("id", pa.string(), "The judgment; a later row or a withdrawal names it again."),
    Column("comparison_id", pa.string(), "What was compared; judgments of it share this."),
    Column("messages", MESSAGES, "The conversation up to and with the prompt; empty for votes."),
    Column("response_a", pa.string(), "The text of answer a; null where only votes are known."),
    Column("response_b", pa.string(), "The text of answer b; null where only votes are known."),
    Column("model_a", pa.string(), "The model version that wrote a; null where unknown."),
    Column("model_b", pa.string(), "The model version that wrote b; null where unknown."),
    Column("choice", pa.string(), "`a`, `b`, `tie` or `both_bad`."),
    Column("strength", pa.float64(), "How much better the winner is, above 0; null if not said."),
    Column("aspects", pa.string(), "A JSON object: a choice for each aspect that was asked."),
    Column("confidence", pa.float64(), "How sure the rater is, from 0 to 1; null if not said."),
    Column("reasons", pa.list_(pa.string()), "Short reasons that were chosen."),
    Column("rationale", pa.string(), "Why, in the rater's own words."),
    Column("rater_id", pa.string(), "A pseudonym; a rater keeps it."),
    Column("rater_kind", pa.string(), "`human` or `ai`."),
    Column("rater_role", pa.string(), "`author` if the rater asked the prompt, or `third_party`."),
    Column("judge", pa.string(), "The name of the AI judge; null for people."),
    Column("order_shown", pa.string(), "`ab` or `ba`: what stood first; null if unknown."),
    Column("duration_ms", pa.int64(), "Milliseconds until the choice; null if unknown."),
    Column("language", pa.string(), "The code of the prompt's language; null if unknown."),
    Column("topics", pa.list_(pa.string()), "Slugs of the prompt's topics."),
    Column("campaign", pa.string(), "The slug of the campaign; null outside of campaigns."),
    Column("source", pa.string(), "Where the judgment is from: a page, the API, a data set."),
    Column("route_source", pa.string(), "The router that chose this pair, with its version."),
    Column("propensity", pa.float64(), "The probability with which it chose; null without one."),
    Column("licence", pa.string(), "The licence of this row."),
    Column("created_at", TIME, "When it was judged."),
)
VOTE_COLUMNS = (
    Column("model_a", pa.string(), "The model version that wrote a."),
    Column("model_b", pa.string(), "The model version that wrote b."),
    Column("winner", pa.string(), "`model_a`, `model_b`, `tie` or `both_bad`."),
    Column("question_id", pa.string(), "The prompt's name at its source, or a digest of it."),
    Column("rater_kind", pa.string(), "`human` or `ai`."),
    Column("rater_id", pa.string(), "A pseudonym; a rater keeps it."),
    Column("topic", pa.string(), "The first of the prompt's topics; null without one."),
    Column("created_at", TIME, "When it was judged."),
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
   {{extra}}{TURN_FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""
ALL = STATEMENT.format(extra="")
WITH_MODELS = STATEMENT.format(
    extra="AND c.version_a_id IS NOT NULL AND c.version_b_id IS NOT NULL"
)


def _read(statement: str, query: ExportQuery, make: Callable[[Row], Row]) -> Iterator[list[Row]]:
    parameters = query.parameters() | {"followed": query.since is not None}

    def row(found: Row) -> Row:
        return {"id": found["id"], "withdrawn": True} if found["withdrawn"] else make(found)

    return read_chunks(statement, parameters, 0, row)


def _preference(found: Row) -> Row:
    return {column.name: found[column.name] for column in PREFERENCE_COLUMNS}


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


def _preferences(query: ExportQuery) -> Iterator[list[Row]]:
    return _read(ALL, query, _preference)


def _votes(query: ExportQuery) -> Iterator[list[Row]]:
    return _read(WITH_MODELS, query, _vote)


PREFERENCES = Shape(
    name="preferences",
    description=_("One row a judgment, with all that is known of it; it can be imported again."),
    columns=PREFERENCE_COLUMNS,
    filters=tuple(FILTERS),
    chunks=_preferences,
    can_follow=True,
)
VOTES = Shape(
    name="votes",
    description=_("One row a judgment of two known models, as ranking libraries read it."),
    columns=VOTE_COLUMNS,
    filters=tuple(FILTERS),
    chunks=_votes,
    can_follow=True,
)
