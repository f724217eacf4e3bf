"""`consensus` and `trl`: one row a comparison that has at least one public judgment."""

import uuid
from collections.abc import Iterator

import pyarrow as pa

from feedback.publication.query import ExportQuery
from feedback.publication.shapes.reading import FILTERS, MESSAGES, PUBLIC, Row, read_chunks

CONSENSUS = pa.schema(
    [
        ("comparison_id", pa.string()),
        ("messages", MESSAGES),
        ("response_a", pa.string()),
        ("response_b", pa.string()),
        ("model_a", pa.string()),
        ("model_b", pa.string()),
        ("p_a", pa.float64()),
        ("p_b", pa.float64()),
        ("p_tie", pa.float64()),
        ("p_both_bad", pa.float64()),
        ("n_human", pa.int64()),
        ("n_ai", pa.int64()),
        ("licence", pa.string()),
    ]
)
TRL = pa.schema(
    [
        ("prompt", MESSAGES),
        ("chosen", MESSAGES),
        ("rejected", MESSAGES),
        ("margin", pa.float64()),
        ("n_human", pa.int64()),
        ("n_ai", pa.int64()),
        ("comparison_id", pa.string()),
    ]
)

STATEMENT = f"""
SELECT c.id AS key, c.public_id AS comparison_id, t.messages,
       ra.text AS response_a, rb.text AS response_b, va.label AS model_a, vb.label AS model_b,
       s.p_a, s.p_b, s.p_tie, s.p_both_bad, s.n_human, s.n_ai, judged.licence
  FROM feedback_consensus s
  JOIN feedback_comparison c ON c.id = s.comparison_id
  JOIN feedback_turn t ON t.id = c.turn_id
  LEFT JOIN feedback_response ra ON ra.id = c.response_a_id
  LEFT JOIN feedback_response rb ON rb.id = c.response_b_id
  LEFT JOIN feedback_modelversion va ON va.id = c.version_a_id
  LEFT JOIN feedback_modelversion vb ON vb.id = c.version_b_id
  JOIN LATERAL (
    SELECT string_agg(DISTINCT COALESCE(k.licence, p.licence), ', ') AS licence
      FROM feedback_preference p
      JOIN feedback_rater r ON r.id = p.rater_id
      LEFT JOIN feedback_consentrecord k ON k.id = p.consent_id
      LEFT JOIN feedback_campaign g ON g.id = p.campaign_id
     WHERE p.comparison_id = c.id AND {PUBLIC}
       AND (%(rater_kind)s = '' OR r.kind = %(rater_kind)s)
       AND (%(campaign)s = '' OR g.slug = %(campaign)s)
    HAVING count(*) > 0) judged ON true
 WHERE c.id > %(after)s {{extra}}{FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""
ALL = STATEMENT.format(extra="")
WITH_TEXTS = STATEMENT.format(extra="AND c.response_a_id IS NOT NULL AND t.messages <> '[]'")
BEFORE_ALL = uuid.UUID(int=0)


def consensus(query: ExportQuery) -> Iterator[list[Row]]:
    """The posterior over the four choices."""
    return read_chunks(ALL, query.parameters(), BEFORE_ALL, _consensus)


def trl(query: ExportQuery) -> Iterator[list[Row]]:
    """Decided comparisons as TRL's trainers read them; ties have no representation there."""
    return read_chunks(WITH_TEXTS, query.parameters(), BEFORE_ALL, _trl)


def _consensus(found: Row) -> Row:
    return {name: found[name] for name in CONSENSUS.names}


def _trl(found: Row) -> Row | None:
    """Chosen and rejected, with the gap of their probabilities as margin, in (0, 1]."""
    p_a, p_b = found["p_a"], found["p_b"]
    if max(p_a, p_b) <= max(found["p_tie"], found["p_both_bad"]) or p_a == p_b:
        return None
    chosen, rejected = ("response_a", "response_b") if p_a > p_b else ("response_b", "response_a")
    return {
        "prompt": found["messages"],
        "chosen": [{"role": "assistant", "content": found[chosen]}],
        "rejected": [{"role": "assistant", "content": found[rejected]}],
        "margin": abs(p_a - p_b),
        "n_human": found["n_human"],
        "n_ai": found["n_ai"],
        "comparison_id": found["comparison_id"],
    }
