"""How uncertain a comparison is by its AI labels alone, and what a person's label would add.

The definitions, with their equations, are in docs/algorithms/hybrid-routing.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from django.utils.translation import gettext_noop

from trainers.arrays import Floats
from trainers.statistics.consensus import CLASSES

DISAGREEMENT = gettext_noop("disagreement")
CONTRADICTION = gettext_noop("contradiction")
UNCERTAINTY = gettext_noop("uncertainty")
UNLABELLED = gettext_noop("no AI label")


@dataclass(frozen=True, slots=True, kw_only=True)
class AILabel:
    """One verdict of a judge. A judge asked in both orders is one family of two raters."""

    family: str
    choice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelUncertainty:
    """Three reasons to ask a person, each in [0, 1], and what they come to."""

    disagreement: float
    contradiction: float
    entropy: float
    labelled: bool = True

    @property
    def gain(self) -> float:
        """Return how much a person's label would add: the mean; 1 where there is no label."""
        if not self.labelled:
            return 1.0
        mean = (self.disagreement + self.contradiction + self.entropy) / 3
        return round(mean, 9)  # the same labels give the same gain, whatever order they came in

    @property
    def reason(self) -> str:
        """Return the strongest of the three, in one word."""
        if not self.labelled:
            return UNLABELLED
        if self.contradiction and self.contradiction >= self.disagreement:
            return CONTRADICTION
        return DISAGREEMENT if self.disagreement else UNCERTAINTY


def uncertainty_of(labels: Sequence[AILabel], posterior: Floats) -> LabelUncertainty:
    """Return the uncertainty of one comparison. posterior: (4,), from its AI labels alone."""
    verdicts: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        verdicts[label.family].append(label.choice)
    return LabelUncertainty(
        disagreement=_disagreement(verdicts),
        contradiction=_contradiction(verdicts.values()),
        entropy=entropy(posterior),
        labelled=bool(labels),
    )


def entropy(posterior: Floats) -> float:
    """Return Shannon entropy as a share of its greatest value, ln 4; without unit, in [0, 1]."""
    positive = posterior[posterior > 0]
    return float(-(positive * np.log(positive)).sum() / np.log(len(CLASSES))) + 0.0


def _disagreement(verdicts: Mapping[str, Sequence[str]]) -> float:
    """Return the share of pairs of judges that differ; one who contradicts itself says nothing."""
    said = Counter(choices[0] for choices in verdicts.values() if len(set(choices)) == 1)
    pairs = comb(said.total(), 2)
    agreeing = sum(comb(count, 2) for count in said.values())
    return (pairs - agreeing) / pairs if pairs else 0.0


def _contradiction(verdicts: Iterable[Sequence[str]]) -> float:
    """Return the share of judges asked more than once that did not give one answer."""
    asked_twice = [set(choices) for choices in verdicts if len(choices) > 1]
    differing = sum(len(choices) > 1 for choices in asked_twice)
    return differing / len(asked_twice) if asked_twice else 0.0
