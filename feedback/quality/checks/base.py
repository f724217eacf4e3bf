"""What a check of raters is, and what it finds."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.functional import Promise

from feedback.quality.judgments import Judgments
from trainers.arrays import Indices

EVIDENCE = 20  # judgments that are kept of each finding
RARE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One statistic of the rater at this position; `evidence` are positions of judgments.

    n: the judgments that the statistic is of.
    """

    rater: int
    statistic: float
    threshold: float
    n: int
    concern: bool
    evidence: Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that is looked at in each rater's judgments.

    kind: the name under which findings are stored. label: what pages call it. measured: a sentence
    of what the statistic is. concern: when it is one, for the documentation, as a clause of
    Markdown that may use {threshold} and {minimum}. threshold: of the statistic; a check may find
    a stricter one for a rater. minimum: judgments below which nothing is a concern. in_skill:
    whether the reliability of a rater measures the same already, so that a concern does not lower
    their weight once more. find: gives a finding of each rater who has enough of a record.
    """

    kind: str
    label: Promise
    measured: Promise
    concern: str
    threshold: float
    minimum: int
    in_skill: bool = False
    find: Callable[["Check", Judgments], Iterator[Finding]]

    def findings(self, judgments: Judgments) -> Iterator[Finding]:
        """Give what is found in judgments, one finding a rater at most."""
        return self.find(self, judgments)


def improbable(n: int, share: float, expected: float) -> bool:
    """Return whether chance alone would bring so large a share less than once in 1 / RARE tries.

    A share of n is far from what is expected where Chernoff's bound says so:
    P(share ≥ s) ≤ exp(-n KL(s ‖ p)) < RARE.
    """
    p = min(max(expected, 1e-6), 1 - 1e-6)
    if share <= p:
        return False
    divergence = share * math.log(share / p)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - p))
    return n * divergence > -math.log(RARE)
