"""The one interface of every trained reward model, whatever stands behind it.

A model says of each answer alone a small array [members, width]: one number for a scalar reward,
several for a head that compares vectors, one row a member for an ensemble. Everything else (gaps,
probabilities, uncertainty) is a function of two such arrays, so that n answers cost n forwards
however many pairs they make.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.data.texts import Conversation, prompt_text
from trainers.statistics.logistic import sigmoid
from trainers.statistics.measures import outcome_probabilities


class Answer(NamedTuple):
    """A response and the messages before it."""

    messages: Conversation
    text: str

    @property
    def prompt(self) -> str:
        """Return the conversation as an encoder of single texts reads it, newest message first."""
        return prompt_text(self.messages)


AnswerPair = tuple[Answer, Answer]


class RewardModel(ABC):
    """A trained reward model. Its gaps are calibrated logits once `rescale` was called.

    tie  nu of Davidson's model: how readily two equal answers are called a tie; 0 is never
    """

    tie: float = 0.0

    @abstractmethod
    def outputs(self, answers: Sequence[Answer]) -> Floats:
        """Return what the model says of each answer alone, [n, members, width]."""

    @abstractmethod
    def rescale(self, temperature: float) -> None:
        """Divide every gap by a temperature, for good: in the weights themselves."""

    def gaps(self, first: Floats, second: Floats) -> Floats:
        """Return the logits of the first answers over the second by each member, [n, members].

        Both arguments are outputs, [n, members, width].
        """
        gaps: Floats = (first - second)[..., 0]  # the first number is the reward
        return gaps

    def rewards(self, outputs: Floats) -> Floats:
        """Return one number an answer, [n], from outputs: the mean of the members."""
        rewards: Floats = outputs[..., 0].mean(1)
        return rewards

    def score(self, answers: Sequence[Answer]) -> Floats:
        """Return rewards [n]: sigma of a difference is the calibrated preference, ties aside."""
        return self.rewards(self.outputs(answers)) if answers else np.zeros(0)

    def compare(self, pairs: Sequence[AnswerPair]) -> Floats:
        """Return P(a), P(b) and P(tie) of each pair, [n, 3]."""
        return outcome_probabilities(self._pair_gaps(pairs).mean(1), self.tie)

    def uncertainty(self, pairs: Sequence[AnswerPair]) -> Floats:
        """Return what the members do not agree on, [n] in nats: 0 for a single member.

        The mutual information of the outcome and the member: the entropy of their mean opinion
        less the mean of their entropies (Houlsby et al. 2011, arXiv 1112.5745).
        """
        return disagreement(self._pair_gaps(pairs))

    def _pair_gaps(self, pairs: Sequence[AnswerPair]) -> Floats:
        if not pairs:
            return np.zeros((0, 1))
        ends = [answer for pair in pairs for answer in pair]  # a, b, a, b, …
        outputs = self.outputs(ends)
        return self.gaps(outputs[::2], outputs[1::2])


def disagreement(gaps: Floats) -> Floats:
    """Return the mutual information [n], in nats, of a decided outcome and the member.

    gaps[n, members] are logits.
    """
    chance = sigmoid(gaps)  # [n, members]
    # Never negative by Jensen's inequality; rounding alone may make it so.
    gained: Floats = np.maximum(0.0, _entropy(chance.mean(1)) - _entropy(chance).mean(1))
    return gained


def _entropy(chance: Floats) -> Floats:
    """Return the entropy of a coin, in nats; p log p is 0 at p = 0, where log p is not."""
    inside = np.clip(chance, 1e-300, 1.0), np.clip(1.0 - chance, 1e-300, 1.0)
    entropy: Floats = -(inside[0] * np.log(inside[0]) + inside[1] * np.log(inside[1]))
    return entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutPredictions:
    """Gaps of pairs by a model that was not trained on them.

    rows  [n] numbers of comparisons
    gaps  [n] logits, not calibrated
    """

    rows: Ints
    gaps: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What validation decided: the temperature (already in the weights) and nu of ties."""

    temperature: float
    tie: float
