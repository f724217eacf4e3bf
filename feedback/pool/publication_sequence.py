"""The one sequence of publication: judgments that appear, that leave, that come back."""

from django.db import connection, transaction
from django.db.models import BigIntegerField, Func, Value

from feedback.database.locks import Lock, transaction_lock

NEXT_NUMBER = Func(
    Value("feedback_publication_number"), function="nextval", output_field=BigIntegerField()
)


def publication_lock() -> None:
    """Let one transaction at a time take numbers, until it commits.

    A reader that follows the sequence would otherwise skip a number which was taken early and
    committed late.
    """
    transaction_lock(Lock.PUBLICATION)


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
