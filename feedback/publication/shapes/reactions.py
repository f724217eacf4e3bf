"""`unpaired`: one row a thumb on an answer, as TRL's KTO trainer reads it."""

import uuid
from collections.abc import Iterator

import pyarrow as pa

from feedback.publication.query import ExportQuery
from feedback.publication.shapes.reading import FILTERS, MESSAGES, Row, read_chunks

UNPAIRED = pa.schema([("prompt", MESSAGES), ("completion", MESSAGES), ("label", pa.bool_())])
STATEMENT = f"""
SELECT x.id AS key, t.messages, a.text, x.value = 'true' AS liked
  FROM feedback_reaction x
  JOIN feedback_response a ON a.id = x.response_id
  JOIN feedback_turn t ON t.id = a.turn_id
 WHERE x.kind = 'thumb' AND x.value IN ('true', 'false') AND x.id > %(after)s {FILTERS}
 ORDER BY 1 LIMIT %(chunk)s
"""


def unpaired(query: ExportQuery) -> Iterator[list[Row]]:
    """Thumbs up and down."""
    return read_chunks(STATEMENT, query.parameters(), uuid.UUID(int=0), _thumb)


def _thumb(found: Row) -> Row:
    return {
        "prompt": found["messages"],
        "completion": [{"role": "assistant", "content": found["text"]}],
        "label": found["liked"],
    }
