"""The one sequence of publication: judgments that appear, that leave, that come back."""

from django.db import connection, transaction
from django.db.models import BigIntegerField, Func, Value

PUBLICATION_LOCK = 0x46435055  # any constant that nothing else locks
NEXT_NUMBER = Func(
    Value("feedback_publication_number"), function="nextval", output_field=BigIntegerField()
)


def publication_lock() -> None:
    """Let one transaction at a time take numbers, until it commits.

    A reader that follows the sequence would otherwise skip a number which was taken early and
    committed late.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLICATION_LOCK])


def last_number() -> int:
    """Return the newest number that is committed: an export goes up to here.

    It waits for those who are taking numbers, so that no smaller one is committed afterwards.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        publication_lock()
        cursor.execute(
            "SELECT GREATEST(max(published_number), max(removed_number), 0)"
            "  FROM feedback_preference"
        )
        number: int = cursor.fetchone()[0]
    return number
