"""Which releases and checkpoints hold a judgment: asked before it is withdrawn, and when it is.

A release is asked by its number. What a checkpoint was trained on stands in its snapshot alone, a
file that may be damaged or gone: then nobody can tell any more, and the checkpoint is named as
unreadable. Call this outside of transactions, since files may be slow.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import QuerySet

from feedback.pool.models import Preference
from feedback.publication.models import Release
from feedback.training.models import Checkpoint
from feedback.training.snapshots.services import snapshots_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A judgment, as far as its holders depend on it, when it was read."""

    key: UUID
    rater: str  # its public identifier, by which snapshots know it
    created_at: datetime
    published_number: int | None
    removed_number: int | None

    @classmethod
    def of(cls, preference: Preference) -> "Held":
        """Take what is needed of a judgment that was read with its rater."""
        return cls(
            key=preference.pk,
            rater=preference.rater.public_id,
            created_at=preference.created_at,
            published_number=preference.published_number,
            removed_number=preference.removed_number,
        )

    def is_in(self, release: Release) -> bool:
        """Return whether the judgment was in the live export when the release was made."""
        number, removed = self.published_number, self.removed_number
        appeared = number is not None and number <= release.last_number
        return appeared and (removed is None or release.last_number < removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Releases and checkpoints that hold some judgments, by name."""

    releases: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)  # checkpoints of which it is not known

    def names(self) -> list[str]:
        """Return all that hold them, as a page lists them."""
        return [*(f"release {version}" for version in self.releases), *self.checkpoints]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What releases and checkpoints hold of some raters."""

    releases: list[Release]
    trained: list[tuple[Checkpoint, frozenset[str]]]  # with the keys of the raters' judgments
    unreadable: list[Checkpoint]

    def of(self, *judgments: Held) -> Holders:
        """Return those that hold at least one of these judgments."""
        keys = {str(one.key) for one in judgments}
        return Holders(
            releases=[
                release.version
                for release in self.releases
                if any(one.is_in(release) for one in judgments)
            ],
            checkpoints=[str(one) for one, trained_on in self.trained if keys & trained_on],
            unreadable=[str(one) for one in self.unreadable],
        )


def judgments_held(rows: QuerySet[Preference]) -> list[Held]:
    """Read what the holders of judgments depend on; before a withdrawal, which changes it."""
    columns = ("rater__public_id", "created_at", "published_number", "removed_number")
    return [Held.of(one) for one in rows.select_related("rater").only(*columns).iterator()]


def holders_of(judgments: Collection[Held]) -> Holders:
    """Return every release, a retracted one too, and every checkpoint that held one of these."""
    if not judgments:
        return Holders()
    # A snapshot is written after its run has started, so an earlier run cannot hold them.
    first = min(one.created_at for one in judgments)
    holdings = holdings_of(
        {one.rater for one in judgments},
        releases=Release.objects.all(),
        checkpoints=Checkpoint.objects.filter(run__started_at__gte=first),
    )
    return holdings.of(*judgments)


def holdings_of(
    raters: Collection[str], *, releases: QuerySet[Release], checkpoints: QuerySet[Checkpoint]
) -> Holdings:
    """Return what these releases and checkpoints hold of the raters, given by public identifier."""
    trained: list[tuple[Checkpoint, frozenset[str]]] = []
    unreadable: list[Checkpoint] = []
    for checkpoint in checkpoints.select_related("run").order_by("kind", "version"):
        try:
            parts = [_trained_on(checkpoint.run.snapshot_digest, rater) for rater in raters]
        except (OSError, KeyError, pa.ArrowException) as error:
            logger.warning("The snapshot of %s cannot be read: %s", checkpoint, error)
            unreadable.append(checkpoint)
        else:
            trained.append((checkpoint, frozenset[str]().union(*parts)))
    return Holdings(
        releases=list(releases.order_by("version")), trained=trained, unreadable=unreadable
    )


@lru_cache(maxsize=256)
def _trained_on(digest: str, rater: str) -> frozenset[str]:
    """Return the judgments of one rater that a snapshot holds; a snapshot never changes.

    Raises OSError, KeyError or ArrowException where it is missing or damaged; nothing of that is
    remembered.
    """
    file = snapshots_folder() / digest / "preferences.parquet"
    wanted: Any = [("rater", "=", rater)]
    table = pq.read_table(file, columns=["preference_id"], filters=wanted)
    return frozenset(table["preference_id"].to_pylist())
