"""The one sequence of publication: rows that appear, rows that leave, rows that come back."""

from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import BigIntegerField, F, Func, Value
from django.db.models.functions import Coalesce

if TYPE_CHECKING:  # the models' own module is written in these terms
    from django.db.models import QuerySet

    from feedback.pool.models import Preference

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


def next_publication_number() -> int:
    """The next number, for the transaction that holds the lock."""
    publication_lock()
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('feedback_publication_number')")
        number: int = cursor.fetchone()[0]
    return number


def publication_leave(judgments: "QuerySet[Preference]") -> None:
    """Take those that are published out of the live export, as removals that `since` tells."""
    publication_lock()
    published = judgments.filter(published_number__isnull=False, removed_number=None)
    published.update(removed_number=NEXT_NUMBER)


def publication_return(judgments: "QuerySet[Preference]") -> None:
    """Let active ones that had left wait for a new number, unless they may not be published."""
    publication_lock()
    left = judgments.filter(
        state="active",
        visibility="public",
        comparison__withheld_at=None,
        removed_number__isnull=False,
    )
    left.update(
        first_number=Coalesce(F("first_number"), F("published_number")),
        published_number=None,
        removed_number=None,
    )
