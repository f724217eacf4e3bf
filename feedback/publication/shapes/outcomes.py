"""`outcomes`: one row a model's score on a prompt."""

import uuid
from collections.abc import Iterator

import pyarrow as pa

from feedback.publication.query import ExportQuery
from feedback.publication.shapes.reading import FILTERS, MESSAGES, Row, read_chunks

OUTCOMES = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("messages", MESSAGES),
        ("model", pa.string()),
        ("score", pa.float64()),
    ]
)
STATEMENT = f"""
SELECT o.id AS key, encode(t.content_hash, 'hex') AS prompt_id, t.messages, v.label AS model,
       o.score
  FROM feedback_outcome o
  JOIN feedback_turn t ON t.id = o.turn_id
  JOIN feedback_modelversion v ON v.id = o.version_id
 WHERE t.withheld_at IS NULL AND o.id > %(after)s {FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""


def outcomes(query: ExportQuery) -> Iterator[list[Row]]:
    """Scores in [0, 1], in the order in which they came."""
    return read_chunks(STATEMENT, query.parameters(), uuid.UUID(int=0), _outcome)


def _outcome(found: Row) -> Row:
    return {name: found[name] for name in OUTCOMES.names}
