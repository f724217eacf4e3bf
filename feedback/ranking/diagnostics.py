"""How far a ranking may be believed, and what style adds to it, as pages say it."""

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
TWICE = {
    "length": _("twice as long"),
    "headers": _("with twice the headings"),
    "bold": _("with twice as much in bold"),
    "lists": _("with lists of twice the length"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRatings:
    """A model's rating under three methods."""

    model: str
    low: float
    high: float
    elo: float
    elo_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """The newest check, ready to be said."""

    check: RankingCheck
    models: tuple[MethodRatings, ...]
    draws: int = DRAWS
    leagues: int = LEAGUES
    orders: int = ORDERS
    wanted: int = WANTED

    @property
    def goodness_of_fit(self) -> dict[str, Any]:
        """Return how the pairs scored beside the ratings, and how many triads are cyclic."""
        found: dict[str, Any] = self.check.report["transitivity"]
        return found

    @property
    def fits(self) -> bool:
        """Return whether the pairs scored as the ratings say, as far as can be told."""
        return bool(self.goodness_of_fit["p_value"] >= CONCERN)

    @property
    def is_transitive(self) -> bool:
        """Return whether no more triads are cyclic than chance brings."""
        return (self.goodness_of_fit["cyclic_p_value"] or 1.0) >= CONCERN

    @property
    def gap(self) -> float:
        """By how many points the bounds of the two methods differ at most."""
        return float(self.check.report["bootstrap"]["largest_gap"])

    @property
    def widest_elo(self) -> float:
        """Return the largest standard deviation of a model's Elo between orders."""
        return max(model.elo_sd for model in self.models)


def diagnostics_current() -> Diagnostics | None:
    """Return what the newest check found; None before the first."""
    check = RankingCheck.objects.order_by("-updated_at").first()
    if check is None:
        return None
    elo = {row["model"]: row for row in check.report["elo"]["models"]}
    models = tuple(
        MethodRatings(
            model=row["model"],
            low=row["ci_low"],
            high=row["ci_high"],
            elo=elo[row["model"]]["mean"],
            elo_sd=elo[row["model"]]["sd"],
        )
        for row in check.report["bootstrap"]["models"]
    )
    return Diagnostics(check=check, models=models)


def effect_lines(effects: Sequence[StyleEffect]) -> tuple[EffectLine, ...]:
    """Return one line a feature, in the order of the effects."""
    return tuple(_line(effect) for effect in effects)


def _line(effect: StyleEffect) -> EffectLine:
    values = effect.coefficient, effect.ci_low, effect.ci_high
    percent, low, high = (_percent(effect, value) for value in values)
    return EffectLine(
        twice=TWICE[effect.feature],
        percent=percent,
        low=low,
        high=high,
        coefficient=effect.coefficient,
        ci_low=effect.ci_low,
        ci_high=effect.ci_high,
    )


def _percent(effect: StyleEffect, coefficient: float | None) -> int | None:
    return None if coefficient is None else round(100 * chance_of_twice(coefficient, effect.scale))
