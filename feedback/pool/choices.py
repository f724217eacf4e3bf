"""Choices by position on the screen, as people give them, and by side, as the pool keeps them."""

from django.utils.translation import gettext_lazy as _

from feedback.pool.models import Choice, Order

DISPLAYED_CHOICES = ("1", "2", Choice.TIE.value, Choice.BOTH_BAD.value)
CHOICE_LABELS = {
    "1": _("Answer 1 better"),
    "2": _("Answer 2 better"),
    Choice.TIE.value: _("about equal"),
    Choice.BOTH_BAD.value: _("both bad"),
}


def stored_choice(displayed: str, order: str) -> str:
    """Return the side, a or b, that was displayed at a position; a tie stays what it is."""
    sides = {"1": order[0], "2": order[1]}
    return sides.get(displayed, displayed)


def displayed_choice(stored: str, order: str) -> str:
    """Return the position, 1 or 2, at which a side was displayed; a tie stays what it is."""
    positions = {order[0]: "1", order[1]: "2"} if order in Order.values else {}
    return positions.get(stored, stored)
