"""What taught each model of an embedding, and what its vector would be without some of it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.forecast.accuracy_line import Expectation, expected_mean
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.posterior import Observations, fit_new_model
from trainers.model_vectors.scorer import Scorer

MOST = 1000  # observations that a vector without some questions is fitted on
DIRECTIONS = 4  # of the models' vectors, as features of PromptEval's table


@dataclass(frozen=True, slots=True)
class _Rows:
    """What taught a model: the prompts of its observations, in an order of no meaning."""

    prompt: Ints
    known: Floats
    score: Floats
    weight: Floats


class LeaveOutVectors:
    """Everything that taught an embedding, by model."""

    def __init__(self, evidence: Evidence, z: Floats, scorer: Scorer) -> None:
        """Features z (P, k) of the prompts."""
        self._z, self._scorer = z, scorer
        taught = evidence.holdout.train_and_validation
        ran, fought = evidence.outcomes.on(taught), evidence.comparisons.on(taught)
        score = z @ scorer.vectors.T
        columns = (
            np.concatenate([ran.model, fought.first, fought.second]),
            np.concatenate([ran.prompt, fought.prompt, fought.prompt]),
            np.concatenate(
                [
                    np.full(len(ran.model), scorer.offset),
                    -score[fought.prompt, fought.second],
                    -score[fought.prompt, fought.first],
                ]
            ),
            np.concatenate([ran.score, fought.label, 1.0 - fought.label]),
            np.concatenate([np.ones(len(ran.model)), fought.weight, fought.weight]),
        )
        mixed = np.random.default_rng(0).permutation(len(columns[0]))
        order = mixed[np.argsort(columns[0][mixed], kind="stable")]
        model, *rest = (column[order] for column in columns)
        ends = np.searchsorted(model, np.arange(len(scorer.models) + 1))
        self._rows = [_Rows(*(c[a:b] for c in rest)) for a, b in pairwise(ends.tolist())]
        self._without: dict[bytes, dict[int, tuple[Floats, Floats]]] = {}

    @property
    def features(self) -> Floats:
        """A constant and the directions in which the models' vectors differ most, (M, f)."""
        vectors = self._scorer.vectors
        left = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)[0][:, :DIRECTIONS]
        return np.column_stack([np.ones(len(vectors)), left * np.sqrt(len(vectors))])

    def is_new_to(self, model: int, questions: Ints) -> bool:
        """Whether nothing on these questions taught the model's vector."""
        return not np.isin(self._rows[model].prompt, questions).any()

    def expected(self, model: int, questions: Ints, hidden: Ints) -> Expectation:
        """What a model's vector expects on questions, as it would be had it not seen `hidden`."""
        fitted = self._without.setdefault(hidden.tobytes(), {})
        if model not in fitted:
            fitted[model] = self._vector(model, hidden)
        return expected_mean(self._z[questions], self._scorer.offset, *fitted[model])

    def _vector(self, model: int, hidden: Ints) -> tuple[Floats, Floats]:
        """A model's vector and its covariance without some questions."""
        rows = self._rows[model]
        free = ~np.isin(rows.prompt, hidden)
        if free.all():
            return self._scorer.vectors[model], self._scorer.covariance[model]
        used = np.flatnonzero(free)[:MOST]
        seen = Observations(
            features=self._z[rows.prompt[used]],
            known=rows.known[used],
            score=rows.score[used],
            weight=rows.weight[used],
        )
        return fit_new_model(seen, self._scorer.prior)
