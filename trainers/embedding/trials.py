"""What predictions are tried on: test outcomes, or duels where a snapshot has no outcomes.

Both become the same two tables. *Rows* are judged one by one: an outcome has its model's logit and
score, a duel the difference of its two models' logits and the probability that the first is
preferred. *Units* are choices that a router could make: a prompt with the models that were run on
it and their scores, or a duel with its two models and their shares of the preference.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from trainers.arrays import Floats, Floats32, Ints
from trainers.embedding.knn import Observed, observe
from trainers.model_vectors.evidence import Evidence

Basis = Literal["outcomes", "preferences"]


@dataclass(frozen=True, slots=True)
class Trials:
    """Rows (n,) and candidates (c,), both with their prompt's number among `prompts`.

    For outcomes `second` is -1 and the candidates are the rows; for duels each row has two.
    """

    prompts: Ints
    prompt: Ints
    first: Ints
    second: Ints
    label: Floats
    unit: Ints
    unit_prompt: Ints
    model: Ints
    score: Floats

    @classmethod
    def of_outcomes(cls, evidence: Evidence, prompts: Ints) -> Self:
        """Every outcome on some prompts; a unit is a prompt."""
        rows = evidence.outcomes.on(prompts)
        seen, at = np.unique(rows.prompt, return_inverse=True)
        nobody = np.full(len(at), -1)
        units = np.arange(len(seen))
        return cls(seen, at, rows.model, nobody, rows.score, at, units, rows.model, rows.score)

    @classmethod
    def of_duels(cls, evidence: Evidence, prompts: Ints) -> Self:
        """Every duel on some prompts; a unit is a duel."""
        rows = evidence.duels.on(prompts)
        seen, at = np.unique(rows.prompt, return_inverse=True)
        return cls(
            prompts=seen,
            prompt=at,
            first=rows.first,
            second=rows.second,
            label=rows.label,
            unit=np.tile(np.arange(len(at)), 2),
            unit_prompt=at,
            model=np.concatenate([rows.first, rows.second]),
            score=np.concatenate([rows.label, 1.0 - rows.label]),
        )

    def logits(self, scores: Floats) -> Floats:
        """The rows' logits (n,) from the scores (P, M) of every model on `prompts`."""
        first = scores[self.prompt, self.first]
        return np.where(self.second < 0, first, first - scores[self.prompt, self.second])

    def routed(self, scores: Floats) -> Floats:
        """Observed score of each unit's candidate with the highest score (P, M), (units,)."""
        return self.score[self._best(scores[self.unit_prompt[self.unit], self.model])]

    def oracle(self) -> Floats:
        """The best observed score of each unit, (units,)."""
        return self.score[self._best(self.score)]

    def random(self) -> Floats:
        """The mean observed score of each unit, (units,)."""
        counts = np.bincount(self.unit)
        means: Floats = np.bincount(self.unit, self.score) / counts
        return means

    def _best(self, value: Floats) -> Ints:
        """The candidate with the highest value in each unit; of equals, the first model."""
        order = np.lexsort((self.model, -value, self.unit))
        _, starts = np.unique(self.unit[order], return_index=True)
        best: Ints = order[starts]
        return best


def basis_of(evidence: Evidence) -> Basis:
    """Outcomes where the test split holds any, else preferences."""
    tested = np.isin(evidence.outcomes.prompt, evidence.holdout.test)
    return "outcomes" if tested.any() else "preferences"


def trials_on(evidence: Evidence, basis: Basis, prompts: Ints) -> Trials:
    """The trials on some prompts."""
    make = Trials.of_outcomes if basis == "outcomes" else Trials.of_duels
    return make(evidence, prompts)


def observed_on(evidence: Evidence, basis: Basis, vectors: Floats32, prompts: Ints) -> Observed:
    """What the trials on some prompts say of each model: the table behind the baselines."""
    trials = trials_on(evidence, basis, prompts)
    at = trials.unit_prompt[trials.unit]
    return observe(vectors[trials.prompts], at, trials.model, trials.score, len(evidence.models))
