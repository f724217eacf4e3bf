"""What predictions are tried on: test outcomes, or comparisons where there are no outcomes.

Both become the same two tables. *Rows* are judged one by one: an outcome has its model's logit and
score, a comparison the difference of its two models' logits and the probability that the first is
preferred. *Units* are choices that a router could make: a prompt with the models that were run on
it and their scores, or a comparison with its two models and their shares of the preference.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from trainers.arrays import Floats, Floats32, Ints
from trainers.embedding.knn import Observed, observe
from trainers.model_vectors.evidence import Evidence

Basis = Literal["outcomes", "preferences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Rows [n] and candidates [c], both with their prompt's index into `prompts` [p].

    prompts      numbers of the evidence
    prompt       of each row, [n]
    first        model of each row, [n]
    second       the other model of a comparison, [n]; -1 for an outcome
    label        score of an outcome, or probability that `first` is preferred, [n]
    unit         of each candidate, [c]
    unit_prompt  of each unit, [units]
    model        of each candidate, [c]
    score        observed of each candidate, in [0, 1], [c]

    For outcomes the candidates are the rows; of comparisons each row has two.
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
        """Make a row of every outcome on some prompts; a unit is a prompt."""
        rows = evidence.outcomes.on(prompts)
        seen, at = np.unique(rows.prompt, return_inverse=True)
        return cls(
            prompts=seen,
            prompt=at,
            first=rows.model,
            second=np.full(len(at), -1),
            label=rows.score,
            unit=at,
            unit_prompt=np.arange(len(seen)),
            model=rows.model,
            score=rows.score,
        )

    @classmethod
    def of_comparisons(cls, evidence: Evidence, prompts: Ints) -> Self:
        """Make a row of every comparison on some prompts; a unit is a comparison."""
        rows = evidence.comparisons.on(prompts)
        seen, at = np.unique(rows.prompt, return_inverse=True)
        return cls(
            prompts=seen,
            prompt=at,
            first=rows.first,
            second=rows.second,
            label=rows.label,
            # The candidates are all firsts, then all seconds.
            unit=np.tile(np.arange(len(at)), 2),
            unit_prompt=at,
            model=np.concatenate([rows.first, rows.second]),
            score=np.concatenate([rows.label, 1.0 - rows.label]),
        )

    def logits(self, scores: Floats) -> Floats:
        """Return the rows' logits [n] from the logits [p, M] of every model on `prompts`."""
        # An outcome's -1 picks the last model's column; `where` never uses that value.
        first = scores[self.prompt, self.first]
        return np.where(self.second < 0, first, first - scores[self.prompt, self.second])

    def routed(self, scores: Floats) -> Floats:
        """Return the observed score of each unit's candidate with the highest of `scores` [p, M].

        Shape [units]: what a router that follows these scores would have earned.
        """
        # [p, M] picked at each candidate's prompt and model: [c].
        return self.score[self._best(scores[self.unit_prompt[self.unit], self.model])]

    def oracle(self) -> Floats:
        """Return the best observed score of each unit, [units]."""
        return self.score[self._best(self.score)]

    def random(self) -> Floats:
        """Return the mean observed score of each unit, [units]."""
        counts = np.bincount(self.unit)
        means: Floats = np.bincount(self.unit, self.score) / counts
        return means

    def _best(self, value: Floats) -> Ints:
        """Return the candidate with the highest value in each unit, [units]; of equals, the first
        model by number, so that nothing depends on the order of the rows."""
        # The last key counts first: by unit, then from the highest value, then by model.
        order = np.lexsort((self.model, -value, self.unit))
        # The index of a unit's first candidate in that order, its best.
        _, starts = np.unique(self.unit[order], return_index=True)
        best: Ints = order[starts]
        return best


def basis_of(evidence: Evidence) -> Basis:
    """Return "outcomes" where the test split holds any, else "preferences"."""
    tested = np.isin(evidence.outcomes.prompt, evidence.holdout.test)
    return "outcomes" if tested.any() else "preferences"


def trials_on(evidence: Evidence, basis: Basis, prompts: Ints) -> Trials:
    """Return the trials on some prompts."""
    make = Trials.of_outcomes if basis == "outcomes" else Trials.of_comparisons
    return make(evidence, prompts)


def observed_on(evidence: Evidence, basis: Basis, vectors: Floats32, prompts: Ints) -> Observed:
    """Return what the trials on some prompts say of each model: the baselines' table."""
    trials = trials_on(evidence, basis, prompts)
    at = trials.unit_prompt[trials.unit]
    return observe(vectors[trials.prompts], at, trials.model, trials.score, len(evidence.models))
