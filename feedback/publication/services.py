"""Making judgments public when they are due, and taking them back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from feedback.errors import NotFoundError
from feedback.people.models import Contributor
from feedback.people.selectors import given_by
from feedback.pool.models import Preference
from feedback.pool.publication_sequence import publication_lock
from feedback.pool.services import preference_withdraw
from feedback.publication.models import Release
from feedback.quality.models import Consensus
from feedback.training.models import Checkpoint

BATCH = 10_000

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
   ORDER BY p.created_at, p.id LIMIT %(batch)s FOR NO KEY UPDATE OF p
), numbered AS (
  SELECT id, nextval('feedback_publication_number') AS number
    FROM (SELECT id FROM due ORDER BY created_at, id) ordered
)
UPDATE feedback_preference p SET published_number = numbered.number
  FROM numbered WHERE numbered.id = p.id
"""


@dataclass(frozen=True, slots=True)
class Holders:
    """The releases and checkpoints that held a judgment when it was withdrawn."""

    releases: list[str]
    checkpoints: list[str]


def due_publish() -> int:
    """Publish every judgment whose delay has passed; gives their number."""
    delay = settings.PUBLICATION_DELAY_SECONDS
    published = 0
    while True:
        with transaction.atomic():
            publication_lock()
            with connection.cursor() as cursor:
                cursor.execute(PUBLISH, {"delay": delay, "batch": BATCH})
                now_public: int = cursor.rowcount
        published += now_public
        if now_public < BATCH:
            return published


def last_number() -> int:
    """The newest number that is committed: an export goes up to here."""
    with transaction.atomic(), connection.cursor() as cursor:
        publication_lock()
        cursor.execute(
            "SELECT GREATEST(max(published_number), max(removed_number), 0)"
            "  FROM feedback_preference"
        )
        number: int = cursor.fetchone()[0]
    return number


def judgment_withdraw(*, public_id: str, actor: Contributor) -> Holders:
    """Take a contributor's own judgment back: out of the live export at once, for good."""
    preference = Preference.objects.filter(given_by(actor), public_id=public_id).first()
    if preference is None:
        raise NotFoundError("not_found", _("There is no such judgment of yours."))
    with transaction.atomic():
        holders = Holders(_releases_with(preference), _checkpoints_with(preference))
        preference_withdraw(preference=preference, actor=actor)
        consensus_forget(preference)
    return holders


def consensus_forget(preference: Preference) -> None:
    """The consensus spoke for this judgment, too; the next refresh makes it from the others."""
    Consensus.objects.filter(comparison=preference.comparison_id).delete()


def _releases_with(preference: Preference) -> list[str]:
    """Releases that were made while the judgment was public."""
    number = preference.published_number
    if number is None:
        return []
    releases = Release.objects.filter(last_number__gte=number).order_by("version")
    if preference.removed_number is not None:
        releases = releases.filter(last_number__lt=preference.removed_number)
    return list(releases.values_list("version", flat=True))


def _checkpoints_with(preference: Preference) -> list[str]:
    """Checkpoints whose snapshot holds the judgment, by asking the snapshots themselves."""
    checkpoints = Checkpoint.objects.select_related("run").filter(
        run__started_at__gte=preference.created_at
    )
    held: dict[str, bool] = {}
    for checkpoint in checkpoints:
        digest = checkpoint.run.snapshot_digest
        if digest not in held:
            held[digest] = _snapshot_holds(digest, str(preference.id))
    return [str(one) for one in checkpoints if held[one.run.snapshot_digest]]


def _snapshot_holds(digest: str, key: str) -> bool:
    file = Path(settings.DATA_DIR) / "snapshots" / digest / "preferences.parquet"
    if not file.exists():
        return False
    wanted: Any = [("preference_id", "=", key)]
    return bool(pq.read_table(file, columns=["preference_id"], filters=wanted).num_rows)
