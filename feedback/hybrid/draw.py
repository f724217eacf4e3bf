"""Draw who labels what within a budget: most go where the gain is, some at random."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_noop

from feedback.hybrid.models import Destination
from feedback.hybrid.uncertainty import LabelUncertainty

EXPLORATION = gettext_noop("exploration")
COLD = gettext_noop("cold")
AI_LABEL_STANDS = "AI label stands"
AI_LABEL_AWAITED = "AI label awaited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who labels a comparison; `propensity` is the probability that it was decided so."""

    comparison: UUID
    destination: Destination
    reason: str
    gain: float
    propensity: float
    priority: float = 0.0


def seed_of(campaign: UUID, router_version: str) -> int:
    """Return the seed of a round; what is stored with its decisions draws them again."""
    digest = hashlib.sha256(f"{campaign}:{router_version}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def decisions_draw(
    uncertainties: Mapping[UUID, LabelUncertainty], *, people: int, explore_share: float, seed: int
) -> list[Decision]:
    """Send `people` of the comparisons to people; the rest keeps its AI label.

    All but `explore_share` of them are those with the largest gains, equal gains in random
    order; the others are drawn uniformly from what is left. Without any AI label all are drawn.
    """
    rng = random.Random(seed)
    order = sorted(uncertainties)
    rng.shuffle(order)
    cold = not any(each.labelled for each in uncertainties.values())
    if not cold:
        order.sort(key=lambda comparison: -uncertainties[comparison].gain)  # stable: still shuffled
    people = min(people, len(order))
    best = 0 if cold else int(people * (1 - explore_share) + 1e-9)
    chosen, rest = order[:best], order[best:]
    explored = frozenset(rng.sample(rest, people - best))
    share = (people - best) / len(rest) if rest else 0.0
    chances = _chances_of_best([uncertainties[comparison].gain for comparison in order], best)
    decisions = []
    for rank, comparison in enumerate(order):
        uncertainty = uncertainties[comparison]
        chance = chances[rank] + (1 - chances[rank]) * share
        if rank < best:
            decision = _ask(comparison, uncertainty, uncertainty.reason, chance)
        elif comparison in explored:
            # Served among the others, so that what is asked last is not what was explored.
            amid = uncertainties[rng.choice(chosen)].gain if chosen else uncertainty.gain
            reason = COLD if cold else EXPLORATION
            decision = _ask(comparison, uncertainty, reason, chance, priority=amid)
        else:
            decision = _keep(comparison, uncertainty, 1 - chance)
        decisions.append(decision)
    return decisions


def _chances_of_best(gains: Sequence[float], best: int) -> list[float]:
    """Return each one's chance to be among the best; lots decide at the border of equal gains."""
    border = gains[best - 1] if best else math.inf
    above = sum(gain > border for gain in gains)
    level = sum(gain == border for gain in gains)
    at_border = (best - above) / level if level else 0.0
    return [1.0 if g > border else at_border if g == border else 0.0 for g in gains]


def _ask(
    comparison: UUID,
    uncertainty: LabelUncertainty,
    reason: str,
    chance: float,
    *,
    priority: float | None = None,
) -> Decision:
    return Decision(
        comparison=comparison,
        destination=Destination.HUMAN,
        reason=reason,
        gain=uncertainty.gain,
        propensity=chance,
        priority=uncertainty.gain if priority is None else priority,
    )


def _keep(comparison: UUID, uncertainty: LabelUncertainty, chance: float) -> Decision:
    return Decision(
        comparison=comparison,
        destination=Destination.AI,
        reason=AI_LABEL_STANDS if uncertainty.labelled else AI_LABEL_AWAITED,
        gain=uncertainty.gain,
        propensity=chance,
    )
