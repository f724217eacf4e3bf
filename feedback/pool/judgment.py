"""What a judgment may say: its fields, their limits and their checks, whoever brings it.

The page, the API, an AI judge and an import all make a `Judgment`; its fields are columns of
`Preference` of the same names.
"""

import hashlib
import json
import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from django.utils.translation import gettext as _

from feedback.errors import refuse_problems
from feedback.pool.models import (
    REASON_LENGTH,
    STRENGTH_LIMIT,
    Choice,
    Order,
    Preference,
    Visibility,
)

RATIONALE_LIMIT = 10_000  # characters
REASONS_LIMIT = 20
DURATION_LIMIT = 2**31 - 1  # milliseconds; what the column holds
SWAPPED = {"a": "b", "b": "a", "ab": "ba", "ba": "ab"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """A person's or a judge's answer to "which is better?", in the comparison's own order."""

    choice: str
    strength: float | None = None
    aspects: dict[str, Any] = field(default_factory=dict)
    confidence: float | None = None
    reasons: tuple[str, ...] = ()
    rationale: str = ""
    order_shown: str = ""
    duration_ms: int | None = None
    visibility: str = Visibility.PUBLIC

    @classmethod
    def of(cls, preference: Preference) -> "Judgment":
        """Return what a recorded judgment says."""
        said = {each.name: getattr(preference, each.name) for each in fields(cls)}
        return cls(**said | {"reasons": tuple(preference.reasons)})

    def columns(self) -> dict[str, Any]:
        """Return the values of the columns of `Preference` that a judgment fills."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return said | {"reasons": list(self.reasons)}

    def swapped(self) -> "Judgment":
        """Return the same judgment of the same two responses with a and b exchanged."""
        return replace(
            self,
            choice=SWAPPED.get(self.choice, self.choice),
            aspects={
                name: SWAPPED.get(value, value) if isinstance(value, str) else value
                for name, value in self.aspects.items()
            },
            order_shown=SWAPPED.get(self.order_shown, self.order_shown),
        )

    def check(self) -> None:
        """Raise an InvalidError that names each field which is not as it should be."""
        refuse_problems(
            {
                "choice": self._choice_problem(),
                "strength": self._strength_problem(),
                "confidence": _range_problem(self.confidence, 0, 1),
                "duration_ms": _range_problem(self.duration_ms, 0, DURATION_LIMIT),
                "order_shown": self._order_problem(),
                "visibility": self._visibility_problem(),
                "rationale": _text_problem(self.rationale, RATIONALE_LIMIT),
                "reasons": self._reasons_problem(),
            }
        )

    def digest(self) -> bytes:
        """Return SHA-256 of the content, to tell a repeat from another judgment under one key.

        How long it took may differ when a request is sent again.
        """
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        content["duration_ms"] = None
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()

    def _choice_problem(self) -> str:
        known = self.choice in Choice.values
        return "" if known else _("Not one of %s.") % ", ".join(Choice.values)

    def _order_problem(self) -> str:
        return "" if self.order_shown in ("", *Order.values) else _("Unknown order.")

    def _visibility_problem(self) -> str:
        return "" if self.visibility in Visibility.values else _("Unknown visibility.")

    def _strength_problem(self) -> str:
        if self.strength is None:
            return ""
        if self.choice not in (Choice.A, Choice.B):
            return _("Strength can only be given for a better answer.")
        fits = math.isfinite(self.strength) and 0 < self.strength < STRENGTH_LIMIT
        return "" if fits else _not_between(0, STRENGTH_LIMIT)

    def _reasons_problem(self) -> str:
        if len(self.reasons) > REASONS_LIMIT:
            return _("At most %s reasons.") % REASONS_LIMIT
        problems = (_text_problem(reason, REASON_LENGTH) for reason in self.reasons)
        return next(filter(None, problems), "")


def _range_problem(value: float | None, low: float, high: float) -> str:
    if value is None or (math.isfinite(value) and low <= value <= high):
        return ""
    return _not_between(low, high)


def _not_between(low: float, high: float) -> str:
    return _("Enter a number between %(low)s and %(high)s.") % {"low": low, "high": high}


def _text_problem(text: str, limit: int) -> str:
    if "\x00" in text:
        return _("A text cannot contain a NUL character.")
    return "" if len(text) <= limit else _("At most %s characters.") % limit
