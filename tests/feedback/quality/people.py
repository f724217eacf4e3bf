"""A crowd on simulated comparisons: most answer as they see it, some do not."""

import numpy as np

from feedback.people.models import Contributor, TrustTier
from feedback.people.services import tier_set
from feedback.pool.models import Comparison
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version


def make_items(count: int) -> list[Comparison]:
    """Comparisons of the same two models."""
    a, b = make_version(), make_version()
    return [make_comparison(version_a=a, version_b=b) for _ in range(count)]


def make_member(name: str, tier: TrustTier = TrustTier.REGISTERED) -> Contributor:
    """A contributor of this tier."""
    contributor = make_contributor(name)
    tier_set(contributor=contributor, tier=tier, reason="test")
    return contributor


def crowd_judges(items: list[Comparison], raters: int = 4, right: float = 0.9) -> list[str]:
    """Each judged by `raters` people who mostly say what is true; the truths."""
    rng = np.random.default_rng(0)
    truths = [str(rng.choice(["a", "b", "tie"], p=[0.45, 0.45, 0.1])) for _ in items]
    people = [make_member(f"member {number}") for number in range(raters)]
    for item, truth in zip(items, truths, strict=True):
        for person in people:
            said = truth if rng.random() < right else str(rng.choice(["a", "b", "tie"]))
            order = str(rng.choice(["ab", "ba"]))
            judge(item, person, said, order_shown=order, duration_ms=int(rng.integers(9e3, 6e4)))
    return truths
