"""The one sequence of publication: rows that appear, rows that leave."""

from django.db import connection

PUBLICATION_LOCK = 0x46435055  # any constant that nothing else locks


def publication_lock() -> None:
    """Let one transaction at a time take numbers, until it commits.

    A reader that follows the sequence would otherwise skip a number which was taken early and
    committed late.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLICATION_LOCK])


def next_publication_number() -> int:
    """The next number, for the transaction that holds the lock."""
    publication_lock()
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('feedback_publication_number')")
        number: int = cursor.fetchone()[0]
    return number
