"""The life of a judgment once it is recorded. Nothing else writes what can change of it.

**State.** A trigger of the database refuses every other arrow.

    active ──► superseded ─┐     its giver judged the comparison anew
    active ◄─► quarantined ├──► withdrawn     taken back, for good: its free text is erased
    active ────────────────┘

**Publication.** One sequence numbers every appearance in the live export and every removal from
it; who follows the export (`since`) reads on from the last number seen.

    published_number  removed_number
    none              none            not in the export: waits, or may not be published
    taken             none            in the live export
    taken             taken           has left it; followers see a removal

**Operations.** Each takes a query of judgments, changes those that fit, and returns the public
identifiers of those it changed; done twice, it changes nothing the second time.

    judgments_publish     due                  takes published_number
    judgments_supersede   active               superseded, leaves
    judgments_withdraw    not withdrawn        withdrawn, leaves, text erased
    judgments_quarantine  active               quarantined, leaves
    judgments_reinstate   quarantined          active, returns
    judgments_hide        active, public       private, leaves
    judgments_show        active, private      public, and waits; never one that has left
    judgments_withhold    in the live export   leaves; state and visibility stay
    judgments_restore     has left             returns

*Leaves*: one that is in the live export takes removed_number. *Returns*: one that has left and may
be public again waits for a new published_number; first_number keeps the first, so that whoever has
seen it under an earlier number is told of a later removal.

**Locks.** An operation first locks the sequence, until its transaction ends. Nothing else locks
judgments, so operations come one after the other, and an export that reads `last_number` knows that
no smaller number is still to come. Lock what else is needed (a rater, an assignment, texts) before
the operation, never after it: those who wait for the sequence hold such locks.
"""

import uuid
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce

from feedback.pool.models import Preference, PreferenceState, Visibility
from feedback.pool.publication_sequence import NEXT_NUMBER, publication_lock
from feedback.pool.querysets import PreferenceQuerySet

Judgments = PreferenceQuerySet[Preference]

BATCH = 10_000  # judgments that are published in one transaction

# What is due: active, public, in circulation, old enough, and given under terms that allow
# publishing. Imported and AI judgments carry the licence of their source instead of a consent.
# The delay is time to think again for those who gave something here: what nobody of this site
# asked or judged has nobody to wait for, and a new site shows its starter pool at once.
PUBLISH = """
WITH due AS (
  SELECT p.id, p.created_at FROM feedback_preference p
    JOIN feedback_comparison c ON c.id = p.comparison_id
    JOIN feedback_turn t ON t.id = c.turn_id
    JOIN feedback_conversation v ON v.id = t.conversation_id
    LEFT JOIN feedback_consentrecord k ON k.id = p.consent_id
   WHERE p.published_number IS NULL AND p.state = 'active' AND p.visibility = 'public'
     AND c.withheld_at IS NULL
     AND (%(delay)s = 0 OR (v.contributor_id IS NULL AND p.consent_id IS NULL)
          OR p.created_at <= statement_timestamp() - make_interval(secs => %(delay)s))
     AND (k.id IS NULL OR 'publish' = ANY (k.scope))
   ORDER BY p.created_at, p.id LIMIT %(batch)s
), numbered AS (
  SELECT id, nextval('feedback_publication_number') AS number
    FROM (SELECT id FROM due ORDER BY created_at, id) ordered
)
UPDATE feedback_preference p SET published_number = numbered.number
  FROM numbered WHERE numbered.id = p.id
"""

# The numbers of one operation become visible together, so their order among themselves tells
# followers nothing and is left to the database.
LEAVING = Case(
    When(published_number__isnull=False, removed_number=None, then=NEXT_NUMBER),
    default=F("removed_number"),
)
MAY_RETURN = Q(
    state=PreferenceState.ACTIVE,
    visibility=Visibility.PUBLIC,
    comparison__withheld_at=None,
    removed_number__isnull=False,
)


def judgments_publish() -> int:
    """Publish every judgment that is due, in the order they came; return how many."""
    values = {"delay": settings.PUBLICATION_DELAY_SECONDS, "batch": BATCH}
    published = 0
    while True:
        with transaction.atomic():
            publication_lock()
            with connection.cursor() as cursor:
                cursor.execute(PUBLISH, values)
                fresh: int = cursor.rowcount
        published += fresh
        if fresh < BATCH:
            return published


def publish_without_delay() -> None:
    """Publish what this transaction brings as soon as it has committed, where there is no delay.

    Whoever judges and then exports sees the judgment at once. Should it fail, the judgment is
    safe, and the minute's round publishes it.
    """
    if settings.PUBLICATION_DELAY_SECONDS == 0:
        transaction.on_commit(judgments_publish, robust=True)


def judgments_supersede(rows: Judgments) -> list[str]:
    """Let active judgments be replaced by new ones of their givers."""
    return _leave(rows.active(), state=PreferenceState.SUPERSEDED)


def judgments_withdraw(rows: Judgments) -> list[str]:
    """Take judgments out of the pool for good, with their free text."""
    return _leave(
        rows.not_withdrawn(),
        state=PreferenceState.WITHDRAWN,
        rationale="",
        reasons=[],
        aspects={},
    )


def judgments_quarantine(rows: Judgments) -> list[str]:
    """Stop counting active judgments, published or not, until they are reinstated."""
    return _leave(rows.active(), state=PreferenceState.QUARANTINED)


def judgments_reinstate(rows: Judgments) -> list[str]:
    """Count quarantined judgments again."""
    quarantined = rows.filter(state=PreferenceState.QUARANTINED)
    return _return(quarantined, state=PreferenceState.ACTIVE)


def judgments_hide(rows: Judgments) -> list[str]:
    """Make active judgments private: they count and train, but are not published."""
    public = rows.active().filter(visibility=Visibility.PUBLIC)
    return _leave(public, visibility=Visibility.PRIVATE)


def judgments_show(rows: Judgments) -> list[str]:
    """Make private judgments public that were never published."""
    hidden = rows.active().filter(visibility=Visibility.PRIVATE, removed_number=None)
    return _return(hidden, visibility=Visibility.PUBLIC)


def judgments_withhold(rows: Judgments) -> list[str]:
    """Take judgments out of the live export whose texts went out of circulation."""
    return _leave(rows.published())


def judgments_restore(rows: Judgments) -> list[str]:
    """Let judgments back into the live export whose texts are in circulation again."""
    return _return(rows.filter(MAY_RETURN))


def _leave(rows: Judgments, **changes: Any) -> list[str]:
    with transaction.atomic():
        publication_lock()
        found = _identifiers(rows)
        Preference.objects.filter(pk__in=found).update(removed_number=LEAVING, **changes)
    return list(found.values())


def _return(rows: Judgments, **changes: Any) -> list[str]:
    with transaction.atomic():
        publication_lock()
        found = _identifiers(rows)
        changed = Preference.objects.filter(pk__in=found)
        if changes:
            changed.update(**changes)
        changed.filter(MAY_RETURN).update(
            first_number=Coalesce(F("first_number"), F("published_number")),
            published_number=None,
            removed_number=None,
        )
        publish_without_delay()
    return list(found.values())


def _identifiers(rows: Judgments) -> dict[uuid.UUID, str]:
    """Return public identifiers by key; `rows` may not fit its own conditions after the change."""
    return dict(rows.values_list("pk", "public_id"))
