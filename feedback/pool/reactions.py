"""Feedback on one answer alone, kept apart from preferences."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from feedback.errors import InvalidError
from feedback.people.models import Rater
from feedback.pool.models import Reaction, ReactionKind, Response

EDIT_LIMIT = 200_000
THUMBS = {"up": 1, "down": -1, 1: 1, -1: -1}


def reaction_record(*, response: Response, rater: Rater, kind: str, value: Any = None) -> Reaction:
    """Record a thumb, an edited text, a regeneration or a copy.

    What this rater last did with this answer, done once more, is the same reaction: a double click
    and a request that is sent again change nothing.
    """
    if kind not in ReactionKind.values:
        raise InvalidError({"kind": _("Not one of %s.") % ", ".join(ReactionKind.values)})
    checked = _checked_value(kind, value)
    with transaction.atomic():
        Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
        own = Reaction.objects.filter(response=response, rater=rater, kind=kind)
        newest = own.order_by("id").last()
        if newest is not None and newest.value == checked:
            return newest
        return Reaction.objects.create(response=response, rater=rater, kind=kind, value=checked)


def _checked_value(kind: str, value: Any) -> Any:
    if kind == ReactionKind.THUMB:
        if not isinstance(value, (str, int)) or value not in THUMBS:
            raise InvalidError({"value": _("A thumb must be up or down.")})
        return THUMBS[value]
    if kind == ReactionKind.EDIT:
        if not isinstance(value, str) or not value or "\x00" in value or not _is_text(value):
            raise InvalidError({"value": _("An edit is the text as it should have been.")})
        if len(value) > EDIT_LIMIT:
            raise InvalidError({"value": _("At most %s characters.") % EDIT_LIMIT})
        return value
    if value is not None:
        raise InvalidError({"value": _("This kind of reaction has no value.")})
    return None


def _is_text(value: str) -> bool:
    """Return whether the text can be stored: JSON may hold halves of surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
