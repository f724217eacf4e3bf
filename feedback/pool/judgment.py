"""What a judgment may say, checked before it reaches the pool."""

import hashlib
import json
import math
from dataclasses import dataclass, field, fields
from typing import Any

from django.utils.translation import gettext as _

from feedback.errors import ApplicationError
from feedback.pool.models import Choice, Order, Visibility

RATIONALE_LIMIT = 10_000
REASONS_LIMIT = 20


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

    def check(self) -> None:
        """Raise an error that names each field which is not as it should be."""
        problems = {name: text for name, text in self._problems() if text}
        if problems:
            raise ApplicationError(
                "invalid", _("Please correct the fields below."), fields=problems
            )

    def _problems(self) -> list[tuple[str, str]]:
        return [
            ("choice", self._choice_problem()),
            ("strength", self._strength_problem()),
            ("confidence", _range_problem(self.confidence, 0, 1)),
            ("duration_ms", _range_problem(self.duration_ms, 0, 2**31 - 1)),
            ("order_shown", "" if self.order_shown in ("", *Order.values) else _("Unknown order.")),
            ("visibility", self._visibility_problem()),
            ("rationale", _text_problem(self.rationale, RATIONALE_LIMIT)),
            ("reasons", self._reasons_problem()),
        ]

    def _choice_problem(self) -> str:
        known = self.choice in Choice.values
        return "" if known else _("Not one of %s.") % ", ".join(Choice.values)

    def _visibility_problem(self) -> str:
        return "" if self.visibility in Visibility.values else _("Unknown visibility.")

    def _strength_problem(self) -> str:
        if self.strength is None:
            return ""
        if self.choice not in (Choice.A, Choice.B):
            return _("Strength can only be given for a better answer.")
        ok = math.isfinite(self.strength) and 0 < self.strength < 1000
        return "" if ok else _not_between(0, 1000)

    def _reasons_problem(self) -> str:
        if len(self.reasons) > REASONS_LIMIT:
            return _("At most %s reasons.") % REASONS_LIMIT
        return next((text for r in self.reasons if (text := _text_problem(r, 64))), "")

    def digest(self) -> bytes:
        """SHA-256 of the content, to tell a repeat from another judgment under the same key."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        content["duration_ms"] = None
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()


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
