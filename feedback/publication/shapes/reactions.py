"""`unpaired`: one row a person's word on one answer, as TRL's KTO trainer reads it."""

import uuid
from collections.abc import Iterator

import pyarrow as pa
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from feedback.publication.shapes.base import MESSAGES, OF_PROMPTS, Column, ExportQuery, Row, Shape
from feedback.publication.shapes.reading import TURN_FILTERS, read_chunks

COLUMNS = (
    Column("prompt", MESSAGES, "The conversation up to and with the prompt."),
    Column("completion", MESSAGES, "The answer, or the text it should have been, as a message."),
    Column("label", pa.bool_(), "Whether it was liked; a text that somebody wrote is."),
)
# Somebody's newest thumb on an answer, and each text that they would rather have read. Copies and
# new attempts stay in the pool: they say too little about an answer to train on.
STATEMENT = f"""
SELECT x.id AS key, COALESCE(a.own_messages, t.messages) AS messages,
       CASE x.kind WHEN 'edit' THEN x.value #>> '{{}}' ELSE a.text END AS text,
       x.kind = 'edit' OR x.value = '1' AS liked
  FROM feedback_reaction x
  JOIN feedback_response a ON a.id = x.response_id
  JOIN feedback_turn t ON t.id = a.turn_id
 WHERE x.kind IN ('thumb', 'edit')
   AND NOT (x.kind = 'thumb' AND EXISTS (
     SELECT FROM feedback_reaction y WHERE y.response_id = x.response_id
        AND y.rater_id = x.rater_id AND y.kind = 'thumb' AND y.id > x.id))
   AND a.withheld_at IS NULL AND t.withheld_at IS NULL
   AND (%(delay)s = 0
        OR x.created_at <= statement_timestamp() - make_interval(secs => %(delay)s))
   AND x.id > %(after)s {TURN_FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""


def _labelled(found: Row) -> Row:
    return {
        "prompt": found["messages"],
        "completion": [{"role": "assistant", "content": found["text"]}],
        "label": found["liked"],
    }


def _unpaired(query: ExportQuery) -> Iterator[list[Row]]:
    parameters = query.parameters() | {"delay": settings.PUBLICATION_DELAY_SECONDS}
    return read_chunks(STATEMENT, parameters, uuid.UUID(int=0), _labelled)


UNPAIRED = Shape(
    name="unpaired",
    description=_("One row a thumb or an edit of one answer, as TRL's KTO trainer reads it."),
    columns=COLUMNS,
    filters=OF_PROMPTS,
    chunks=_unpaired,
)
