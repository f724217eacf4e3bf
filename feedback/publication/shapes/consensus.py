"""`consensus` and `trl`: one row a comparison that has at least one public judgment."""

import uuid
from collections.abc import Iterator

import pyarrow as pa
from django.utils.translation import gettext_lazy as _

from feedback.publication.shapes.base import FILTERS, MESSAGES, Column, ExportQuery, Row, Shape
from feedback.publication.shapes.reading import PUBLIC, TURN_FILTERS, read_chunks

COUNTS = (
    Column("n_human", pa.int64(), "Judgments by people that it rests on."),
    Column("n_ai", pa.int64(), "Judgments by AI judges that it rests on."),
)
CONSENSUS_COLUMNS = (
    Column("comparison_id", pa.string(), "What was compared."),
    Column("messages", MESSAGES, "The conversation up to and with the prompt; empty for votes."),
    Column("response_a", pa.string(), "The text of answer a; null where only votes are known."),
    Column("response_b", pa.string(), "The text of answer b; null where only votes are known."),
    Column("model_a", pa.string(), "The model version that wrote a; null where unknown."),
    Column("model_b", pa.string(), "The model version that wrote b; null where unknown."),
    Column("p_a", pa.float64(), "The probability that a is the better answer."),
    Column("p_b", pa.float64(), "The probability that b is the better answer."),
    Column("p_tie", pa.float64(), "The probability that they are equally good."),
    Column("p_both_bad", pa.float64(), "The probability that both are bad."),
    *COUNTS,
    Column("licence", pa.string(), "The licences of its judgments, with commas between them."),
)
TRL_COLUMNS = (
    Column("prompt", MESSAGES, "The conversation up to and with the prompt."),
    Column("chosen", MESSAGES, "The better answer, as one message of the assistant."),
    Column("rejected", MESSAGES, "The other answer, as one message of the assistant."),
    Column("margin", pa.float64(), "The gap of the two probabilities, in (0, 1]; never null."),
    *COUNTS,
    Column("comparison_id", pa.string(), "What was compared."),
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
 WHERE c.id > %(after)s {{extra}}{TURN_FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""
ALL = STATEMENT.format(extra="")
WITH_TEXTS = STATEMENT.format(extra="AND c.response_a_id IS NOT NULL AND t.messages <> '[]'")
BEFORE_ALL = uuid.UUID(int=0)


def _posterior(found: Row) -> Row:
    return {column.name: found[column.name] for column in CONSENSUS_COLUMNS}


def _decided(found: Row) -> Row | None:
    """Return chosen and rejected with their margin; None for a tie, which TRL cannot express."""
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


def _consensus(query: ExportQuery) -> Iterator[list[Row]]:
    return read_chunks(ALL, query.parameters(), BEFORE_ALL, _posterior)


def _trl(query: ExportQuery) -> Iterator[list[Row]]:
    return read_chunks(WITH_TEXTS, query.parameters(), BEFORE_ALL, _decided)


CONSENSUS = Shape(
    name="consensus",
    description=_("One row a comparison: how probable each of the four answers is."),
    columns=CONSENSUS_COLUMNS,
    filters=tuple(FILTERS),
    chunks=_consensus,
)
TRL = Shape(
    name="trl",
    description=_("One row a decided comparison with its texts, as TRL's trainers read it."),
    columns=TRL_COLUMNS,
    filters=tuple(FILTERS),
    chunks=_trl,
)
