"""What the first page says of the models behind it: very small ones, not ready yet, or none."""

from enum import StrEnum
from typing import Any

from feedback.arena.selectors import ARENA
from feedback.people.models import Contributor
from feedback.pool.models import Conversation
from feedback.registry.health import live_versions
from feedback.registry.models import VersionState
from feedback.registry.readiness import Stage, house_versions, readiness
from feedback.routing.constraints import choosable


class Note(StrEnum):
    """What there is to say; the template has its sentences."""

    NOTHING = ""
    AWAY = "away"  # the page goes on by itself when they are there
    PREPARING = "preparing"  # likewise
    FAILED = "failed"
    SMALL = "small"  # house models answer: said to new visitors
    ONE = "one"  # too few to compare
    NONE = "none"


NOT_READY = {
    Stage.AWAY: Note.AWAY,
    Stage.PREPARING: Note.PREPARING,
    Stage.FAILED: Note.FAILED,
}


def models_note(contributor: Contributor) -> dict[str, Any]:
    """Return what the note of the first page shows to this person."""
    house = house_versions().filter(state=VersionState.ACTIVE)
    found = readiness() if house.exists() else None
    live = choosable(live_versions()).count()
    if found is not None and found.stage in NOT_READY:
        note = NOT_READY[found.stage]
    elif live < 2:
        note = Note.ONE if live else Note.NONE
    elif live_versions().filter(pk__in=house.values("pk")).exists() and _is_new(contributor):
        note = Note.SMALL
    else:
        note = Note.NOTHING
    return {"live": live, "note": note, "trouble": found.problem if found else ""}


def _is_new(contributor: Contributor) -> bool:
    """Say whether this person has never asked anything here."""
    return not Conversation.objects.filter(contributor=contributor, source=ARENA).exists()
