"""Reading rows in chunks: each by a short query that goes on after the last key.

No transaction and no cursor stays open between two chunks, so that a slow reader costs nothing.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from feedback.publication.shapes.base import Row

CHUNK = 1000

# The filters OF_PROMPTS in SQL, for a statement that calls the turn `t`; an empty one keeps all.
TURN_FILTERS = """
  AND (%(topic)s = '' OR EXISTS (
    SELECT FROM feedback_turn_topics tt JOIN feedback_topic o ON o.id = tt.topic_id
     WHERE tt.turn_id = t.id AND o.slug = %(topic)s))
  AND (%(language)s = '' OR t.language = %(language)s)
"""
TOPICS = """
  ARRAY(SELECT o.slug FROM feedback_turn_topics tt JOIN feedback_topic o ON o.id = tt.topic_id
         WHERE tt.turn_id = t.id ORDER BY o.slug)
"""
# A judgment that is public now.
PUBLIC = "p.published_number IS NOT NULL AND p.removed_number IS NULL"


def read_chunks(
    statement: str, parameters: dict[str, Any], first: Any, make: Callable[[Row], Row | None]
) -> Iterator[list[Row]]:
    """Yield the rows of a statement, up to CHUNK at a time.

    The statement orders by its column `key` and takes rows after %(after)s, at most %(chunk)s;
    `first` is a key before all. `make` gives the row to export, or None for none.
    """
    after = first
    while True:
        found = _fetch(statement, parameters | {"after": after, "chunk": CHUNK})
        if not found:
            return
        after = found[-1]["key"]
        rows = [row for one in found if (row := make(one)) is not None]
        if rows:
            yield rows
        if len(found) < CHUNK:
            return


def _fetch(statement: str, parameters: dict[str, Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description or ()]
        return [_parsed(dict(zip(names, values, strict=True))) for values in cursor.fetchall()]


def _parsed(row: Row) -> Row:
    """Parse the messages: Django reads JSON columns as text in plain statements."""
    if isinstance(row.get("messages"), str):
        row["messages"] = json.loads(row["messages"])
    return row
