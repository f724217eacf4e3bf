"""The one interface of every trained reward model, whatever stands behind it.

A model says of each answer alone a small array, (members, width): one number for a scalar reward,
several for a head that compares vectors, one row a member for an ensemble. Everything else (gaps,
probabilities, uncertainty) is a function of two such arrays, so that n answers cost n forwards
however many pairs they make.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.reward.answers import Answer
from trainers.statistics.measures import outcome_probabilities

Floats = NDArray[np.float64]
AnswerPair = tuple[Answer, Answer]


class RewardJudge(ABC):
    """A trained reward model. Its gaps are calibrated logits once `rescale` was called.

    tie  nu of Davidson's model: how readily two equal answers are called a tie; 0 is never
    """

    tie: float = 0.0

    @abstractmethod
    def outputs(self, answers: Sequence[Answer]) -> Floats:
        """What the model says of each answer alone, (n, members, width)."""

    @abstractmethod
    def rescale(self, temperature: float) -> None:
        """Divide every gap by a temperature, for good: in the weights themselves."""

    def gaps(self, first: Floats, second: Floats) -> Floats:
        """Logits of the first answer over the second by each member, (n, members)."""
        gaps: Floats = (first - second)[..., 0]
        return gaps

    def rewards(self, outputs: Floats) -> Floats:
        """One number an answer, (n,): the mean of the members."""
        rewards: Floats = outputs[..., 0].mean(1)
        return rewards

    def score(self, answers: Sequence[Answer]) -> Floats:
        """Rewards, (n,): sigma of a difference is the calibrated preference, ties aside."""
        return self.rewards(self.outputs(answers)) if answers else np.zeros(0)

    def compare(self, pairs: Sequence[AnswerPair]) -> Floats:
        """P(a), P(b) and P(tie) of each pair, (n, 3)."""
        return outcome_probabilities(self._pair_gaps(pairs).mean(1), self.tie)

    def uncertainty(self, pairs: Sequence[AnswerPair]) -> Floats:
        """What the members do not agree on, (n,) in nats: 0 for a single member.

        The mutual information of the outcome and the member: the entropy of their mean opinion
        less the mean of their entropies (Houlsby et al. 2011, arXiv 1112.5745).
        """
        return disagreement(self._pair_gaps(pairs))

    def _pair_gaps(self, pairs: Sequence[AnswerPair]) -> Floats:
        if not pairs:
            return np.zeros((0, 1))
        ends = [answer for pair in pairs for answer in pair]
        outputs = self.outputs(ends)
        return self.gaps(outputs[::2], outputs[1::2])


def disagreement(gaps: Floats) -> Floats:
    """Mutual information, (n,) in nats, of a decided outcome and the member; gaps (n, members)."""
    chance = 0.5 * (1.0 + np.tanh(0.5 * gaps))
    gained: Floats = np.maximum(0.0, _entropy(chance.mean(1)) - _entropy(chance).mean(1))
    return gained


def _entropy(chance: Floats) -> Floats:
    inside = np.clip(chance, 1e-300, 1.0), np.clip(1.0 - chance, 1e-300, 1.0)
    entropy: Floats = -(inside[0] * np.log(inside[0]) + inside[1] * np.log(inside[1]))
    return entropy


@dataclass(frozen=True, slots=True)
class Held:
    """Numbers of comparisons, and gaps (n,) of a model that was not trained on them."""

    rows: NDArray[np.int64]
    gaps: Floats


@dataclass(frozen=True, slots=True)
class Calibration:
    """What validation decided: the temperature (already in the weights) and nu of ties."""

    temperature: float
    tie: float
