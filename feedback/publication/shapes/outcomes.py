"""`outcomes`: one row a model's score on a prompt."""

import uuid
from collections.abc import Iterator

import pyarrow as pa
from django.utils.translation import gettext_lazy as _

from feedback.publication.shapes.base import MESSAGES, OF_PROMPTS, Column, ExportQuery, Row, Shape
from feedback.publication.shapes.reading import TURN_FILTERS, read_chunks

COLUMNS = (
    Column("prompt_id", pa.string(), "A digest of the prompt; its scores share it."),
    Column("messages", MESSAGES, "The conversation up to and with the prompt."),
    Column("model", pa.string(), "The model version that was scored."),
    Column("score", pa.float64(), "From 0 to 1, the better the higher."),
)
STATEMENT = f"""
SELECT o.id AS key, encode(t.content_hash, 'hex') AS prompt_id, t.messages, v.label AS model,
       o.score
  FROM feedback_outcome o
  JOIN feedback_turn t ON t.id = o.turn_id
  JOIN feedback_modelversion v ON v.id = o.version_id
 WHERE t.withheld_at IS NULL AND o.id > %(after)s {TURN_FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""


def _outcome(found: Row) -> Row:
    return {column.name: found[column.name] for column in COLUMNS}


def _outcomes(query: ExportQuery) -> Iterator[list[Row]]:
    return read_chunks(STATEMENT, query.parameters(), uuid.UUID(int=0), _outcome)


OUTCOMES = Shape(
    name="outcomes",
    description=_("One row a model's score on a prompt, in the order in which they came."),
    columns=COLUMNS,
    filters=OF_PROMPTS,
    chunks=_outcomes,
)
