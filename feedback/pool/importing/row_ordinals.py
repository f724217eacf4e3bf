"""Counting identical rows of a file, in the database, so that memory does not grow with it."""

from collections import Counter
from collections.abc import Sequence

from django.db import connection

PREPARE = """
CREATE TEMPORARY TABLE IF NOT EXISTS import_seen (content bytea PRIMARY KEY, n int NOT NULL);
TRUNCATE import_seen;
"""
COUNT = """
INSERT INTO import_seen (content, n) SELECT * FROM unnest(%s::bytea[], %s::int[])
ON CONFLICT (content) DO UPDATE SET n = import_seen.n + EXCLUDED.n
RETURNING content, n
"""


def ordinals_begin() -> None:
    """Start counting anew, for one file."""
    with connection.cursor() as cursor:
        cursor.execute(PREPARE)


def ordinals_take(contents: Sequence[bytes]) -> list[int]:
    """Return the ordinal of each content among those equal to it in the file: 1, 2, …"""
    here = Counter(contents)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [list(here), list(here.values())])
        before = {bytes(content): n - here[bytes(content)] for content, n in cursor.fetchall()}
    taken: list[int] = []
    for content in contents:
        before[content] += 1
        taken.append(before[content])
    return taken
