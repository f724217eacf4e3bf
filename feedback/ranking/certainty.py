"""What a page says of how sure a ranking is, and of what style adds to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from feedback.ranking.models import RankingCheck
from trainers.ranking.bootstrap import DRAWS
from trainers.ranking.elo import ORDERS
from trainers.ranking.goodness_of_fit import LEAGUES, WANTED
from trainers.ranking.style_control import StyleEffect, chance_of_twice

CONCERN = 0.05  # a p-value below it is said aloud
WORDS = {
    "length": _("twice as long"),
    "headers": _("with twice the headings"),
    "bold": _("with twice as much in bold"),
    "lists": _("with lists of twice the length"),
}


@dataclass(frozen=True, slots=True)
class EffectLine:
    """A feature of style: how often the answer with twice as much of it wins, in percent, between
    models of equal rating; None where nothing can be told."""

    twice: Any
    percent: int | None
    low: int | None
    high: int | None
    coefficient: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A model's rating under three methods."""

    model: str
    low: float
    high: float
    elo: float
    elo_sd: float


@dataclass(frozen=True, slots=True)
class Certainty:
    """The newest check, ready to be said."""

    check: RankingCheck
    models: tuple[Compared, ...]
    draws: int = DRAWS
    leagues: int = LEAGUES
    orders: int = ORDERS
    wanted: int = WANTED

    @property
    def soundness(self) -> dict[str, Any]:
        """Fit and transitivity."""
        found: dict[str, Any] = self.check.report["transitivity"]
        return found

    @property
    def fits(self) -> bool:
        """Whether the pairs scored as the ratings say, as far as can be told."""
        return bool(self.soundness["p_value"] >= CONCERN)

    @property
    def is_transitive(self) -> bool:
        """Whether no more triads go round than chance brings."""
        return (self.soundness["cyclic_p_value"] or 1.0) >= CONCERN

    @property
    def gap(self) -> float:
        """By how many points the bounds of the two methods differ at most."""
        return float(self.check.report["bootstrap"]["largest_gap"])

    @property
    def widest_elo(self) -> float:
        """The largest standard deviation of a model's Elo between orders."""
        return max(model.elo_sd for model in self.models)


def certainty_current() -> Certainty | None:
    """What the newest check found; none before the first."""
    check = RankingCheck.objects.order_by("-updated_at").first()
    if check is None:
        return None
    elo = {row["model"]: row for row in check.report["elo"]["models"]}
    models = tuple(
        Compared(
            row["model"],
            row["ci_low"],
            row["ci_high"],
            elo[row["model"]]["mean"],
            elo[row["model"]]["sd"],
        )
        for row in check.report["bootstrap"]["models"]
    )
    return Certainty(check, models)


def effect_lines(effects: Sequence[StyleEffect]) -> tuple[EffectLine, ...]:
    """One line a feature, in the order of the effects."""
    return tuple(_line(effect) for effect in effects)


def _line(effect: StyleEffect) -> EffectLine:
    values = effect.coefficient, effect.ci_low, effect.ci_high
    percent, low, high = (_percent(effect, value) for value in values)
    return EffectLine(WORDS[effect.feature], percent, low, high, *values)


def _percent(effect: StyleEffect, coefficient: float | None) -> int | None:
    return None if coefficient is None else round(100 * chance_of_twice(coefficient, effect.scale))
