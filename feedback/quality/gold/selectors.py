"""How raters answered gold items."""

from dataclasses import dataclass

from django.db.models import Count, F, Q

from feedback.campaigns.models import Campaign, GoldItem
from feedback.people.models import Rater
from feedback.pool.models import Preference, PreferenceState
from trainers.statistics.intervals import wilson

LISTED_RATERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldResult:
    """How many gold items a rater met and answered right, with the share's 95 % interval."""

    rater: Rater
    n: int
    right: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of right ones."""
        return self.right / self.n


