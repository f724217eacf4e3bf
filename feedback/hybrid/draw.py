"""Who labels what, from signals and a budget: most go where the gain is, some at random."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_noop

from feedback.hybrid.models import Destination
from feedback.hybrid.signals import Signals

EXPLORATION = gettext_noop("exploration")
COLD = gettext_noop("cold")
AI_LABEL_STANDS = "AI label stands"
AI_LABEL_AWAITED = "AI label awaited"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who labels a comparison; `propensity` is the probability that it was decided so."""

    comparison: UUID
    destination: Destination
    reason: str
    gain: float
    propensity: float
    priority: float = 0.0


def seed_of(campaign: UUID, router_version: str) -> int:
    """The seed of a round: what is stored with its decisions is enough to draw them again."""
    digest = hashlib.sha256(f"{campaign}:{router_version}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def decisions_draw(
    signals: Mapping[UUID, Signals], *, people: int, explore_share: float, seed: int
) -> list[Decision]:
    """Send `people` of the comparisons to people; the rest keeps its AI label.

    All but `explore_share` of them are those with the largest gains, equal gains in random
    order; the others are drawn uniformly from what is left. Without any AI label all are drawn.
    """
    rng = random.Random(seed)
    order = sorted(signals)
    rng.shuffle(order)
    cold = not any(signal.labelled for signal in signals.values())
    if not cold:
        order.sort(key=lambda comparison: -signals[comparison].gain)  # stable: keeps the shuffle
    people = min(people, len(order))
    best = 0 if cold else int(people * (1 - explore_share) + 1e-9)
    chosen, rest = order[:best], order[best:]
    explored = frozenset(rng.sample(rest, people - best))
    share = (people - best) / len(rest) if rest else 0.0
    chances = _chances_of_best([signals[comparison].gain for comparison in order], best)
    decisions = []
    for place, comparison in enumerate(order):
        signal, chance = signals[comparison], chances[place] + (1 - chances[place]) * share
        if place < best:
            decisions.append(_ask(comparison, signal, signal.reason, chance))
        elif comparison in explored:
            # Served among the others, so that what is asked last is not what was explored.
            amid = signals[rng.choice(chosen)].gain if chosen else signal.gain
            reason = COLD if cold else EXPLORATION
            decisions.append(_ask(comparison, signal, reason, chance, priority=amid))
        else:
            decisions.append(_keep(comparison, signal, 1 - chance))
    return decisions


def _chances_of_best(gains: Sequence[float], best: int) -> list[float]:
    """Each one's chance to be among the best, where equal gains at the border are drawn by lot."""
    border = gains[best - 1] if best else math.inf
    above = sum(gain > border for gain in gains)
    level = sum(gain == border for gain in gains)
    at_border = (best - above) / level if level else 0.0
    return [1.0 if g > border else at_border if g == border else 0.0 for g in gains]


def _ask(
    comparison: UUID,
    signal: Signals,
    reason: str,
    chance: float,
    *,
    priority: float | None = None,
) -> Decision:
    priority = signal.gain if priority is None else priority
    return Decision(comparison, Destination.HUMAN, reason, signal.gain, chance, priority)


def _keep(comparison: UUID, signal: Signals, chance: float) -> Decision:
    reason = AI_LABEL_STANDS if signal.labelled else AI_LABEL_AWAITED
    return Decision(comparison, Destination.AI, reason, signal.gain, chance)
