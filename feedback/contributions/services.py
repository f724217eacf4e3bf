"""A contributor's own judgments: what each went into, and what they may do with it."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from feedback.errors import ConflictError, NotFoundError
from feedback.people.models import Contributor, Rater
from feedback.people.selectors import consent_required, given_by
from feedback.pool.choices import SHOWN_CHOICES, stored_choice
from feedback.pool.models import Choice, Preference, PreferenceState
from feedback.pool.visibility import preference_hide, preference_repeat, preference_show
from feedback.publication.models import Release
from feedback.publication.services import consensus_forget
from feedback.training.models import Checkpoint, CheckpointState

BLIND = "annotate"  # judgments of this page are given, and saved, without the models' names


@dataclass(frozen=True, slots=True)
class Effects:
    """Releases, and live checkpoints with the judgments of this contributor that trained them."""

    releases: list[Release] = field(default_factory=list)
    trained: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    def of(self, preference: Preference) -> list[str]:
        """What one judgment went into, by name."""
        held = [f"release {one.version}" for one in self.releases if _is_in(preference, one)]
        return held + [name for name, keys in self.trained if str(preference.id) in keys]


def effects_of(contributor: Contributor) -> Effects:
    """What the contributor's judgments can have gone into."""
    raters = Rater.objects.filter(given_by(contributor, "contributor"))
    names = sorted(raters.values_list("public_id", flat=True))
    live = Checkpoint.objects.filter(state=CheckpointState.LIVE).select_related("run")
    trained = []
    for checkpoint in live.order_by("kind"):
        digest = checkpoint.run.snapshot_digest
        keys = frozenset[str]().union(*(keys_in_snapshot(digest, name) for name in names))
        if keys:
            trained.append((str(checkpoint), keys))
    return Effects(list(Release.objects.filter(retracted_at=None).order_by("version")), trained)


@lru_cache(maxsize=256)
def keys_in_snapshot(digest: str, rater: str) -> frozenset[str]:
    """The judgments of one rater that a snapshot holds; a snapshot never changes."""
    file = Path(settings.DATA_DIR) / "snapshots" / digest / "preferences.parquet"
    if not file.exists():
        return frozenset()
    wanted: Any = [("rater", "=", rater)]
    column = pq.read_table(file, columns=["preference_id"], filters=wanted)["preference_id"]
    return frozenset(column.to_pylist())


def names_are_known(preference: Preference) -> bool:
    """Whether its giver has seen which models answered: then another choice is not blind."""
    conversation = preference.comparison.turn.conversation
    if conversation.contributor_id == preference.rater.contributor_id:
        return conversation.revealed_at is not None
    return preference.source != BLIND


def own_judgment(*, public_id: str, contributor: Contributor) -> Preference:
    """The contributor's judgment of that identifier."""
    found = (
        Preference.objects.filter(given_by(contributor), public_id=public_id)
        .select_related("comparison__turn__conversation", "comparison__response_a", "rater")
        .select_related("comparison__response_b", "campaign")
        .first()
    )
    if found is None:
        raise NotFoundError("not_found", _("There is no such judgment of yours."))
    return found


def judgment_change(*, public_id: str, contributor: Contributor, shown: str) -> Preference:
    """Choose anew, as the answers were shown: the old judgment is superseded."""
    preference = own_judgment(public_id=public_id, contributor=contributor)
    if preference.state != PreferenceState.ACTIVE:
        raise ConflictError("not_active", _("This judgment does not count any more."))
    if names_are_known(preference):
        raise ConflictError("names_known", _("You have seen which models these are."))
    if shown not in SHOWN_CHOICES:
        raise ConflictError("invalid", _("Choose one of the four."))
    choice = stored_choice(shown, preference.order_shown or "ab")
    if choice == preference.choice:
        return preference
    with transaction.atomic():
        consensus_forget(preference)
        return preference_repeat(
            preference=preference,
            consent=consent_required(contributor),
            choice=Choice(choice),
            visibility=preference.visibility,
        )


def judgment_publish(*, public_id: str, contributor: Contributor, public: bool) -> None:
    """Let a judgment be published, or keep it out of what is."""
    preference = own_judgment(public_id=public_id, contributor=contributor)
    if public:
        consent = consent_required(contributor)
        preference_show(preference=preference, actor=contributor, consent=consent)
    else:
        preference_hide(preference=preference, actor=contributor)


def _is_in(preference: Preference, release: Release) -> bool:
    number, removed = preference.published_number, preference.removed_number
    held = number is not None and number <= release.last_number
    return held and (removed is None or release.last_number < removed)
