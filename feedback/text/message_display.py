"""A message above two answers: who said it, and whether it must be folded."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

FOLD_LINES = 8
SPEAKERS = {
    "user": gettext_lazy("Someone asked"),
    "assistant": gettext_lazy("A model answered"),
    "system": gettext_lazy("The model was told"),
}
WIDE, NARROW = 72, 40  # letters of a line of prompt, on a desk and on a phone


def message_shown(message: Mapping[str, Any], who: Mapping[str, str]) -> dict[str, str]:
    """Return what a template displays of a message; `who` has a text for each role."""
    text = str(message.get("content", ""))
    return {
        "who": who.get(str(message.get("role")), _("Someone said")),
        "text": text,
        "fold": _fold(text),
    }


def _fold(text: str) -> str:
    """Return the class of a prompt that is too long to stand above the answers: 8 lines."""
    lines = text.splitlines()
    if sum(max(1, ceil(len(line) / WIDE)) for line in lines) > FOLD_LINES:
        return "fold"
    if sum(max(1, ceil(len(line) / NARROW)) for line in lines) > FOLD_LINES:
        return "fold fold-narrow"
    return ""
