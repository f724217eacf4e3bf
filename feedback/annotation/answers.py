"""A judgment as it is given: by the places on the screen, not by the names of the responses."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from feedback.errors import ApplicationError
from feedback.pool.choices import DISPLAYED_CHOICES, stored_choice
from feedback.pool.judgment import Judgment


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a contributor says about answer 1 and answer 2."""

    choice: str
    strength: float | None = None
    aspects: dict[str, str] = field(default_factory=dict)
    confidence: float | None = None
    reasons: tuple[str, ...] = ()
    rationale: str = ""
    duration_ms: int | None = None

    def judgment(self, *, order: str, aspects: list[str], reasons: list[str]) -> Judgment:
        """The same in the comparison's own order; only the campaign's aspects are allowed.

        So are its reasons, where it has a list of them.
        """
        self._check(aspects, reasons)
        return Judgment(
            choice=stored_choice(self.choice, order),
            strength=self.strength,
            aspects={name: stored_choice(value, order) for name, value in self.aspects.items()},
            confidence=self.confidence,
            reasons=self.reasons,
            rationale=self.rationale,
            order_shown=order,
            duration_ms=self.duration_ms,
        )

    def _check(self, aspects: list[str], reasons: list[str]) -> None:
        fields: dict[str, Any] = {}
        if self.choice not in DISPLAYED_CHOICES:
            fields["choice"] = _("Not one of %s.") % ", ".join(DISPLAYED_CHOICES)
        if unknown := sorted(set(self.aspects) - set(aspects)):
            fields["aspects"] = _("This campaign does not ask for %s.") % ", ".join(unknown)
        elif any(value not in DISPLAYED_CHOICES for value in self.aspects.values()):
            fields["aspects"] = _("Each aspect is one of %s.") % ", ".join(DISPLAYED_CHOICES)
        if reasons and (unlisted := sorted(set(self.reasons) - set(reasons))):
            fields["reasons"] = _("Not among this campaign's reasons: %s.") % ", ".join(unlisted)
        if fields:
            raise ApplicationError("invalid", _("Please correct the fields below."), fields=fields)
