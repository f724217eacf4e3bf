"""Every model's vector as it would be without some of the prompts that it was trained on."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.forecast.accuracy_line import Expectation, expected_mean
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.posterior import Observations, fit_new_model
from trainers.model_vectors.scorer import Scorer

MAX_OBSERVATIONS = (
    1000  # that a vector without some questions is fitted on; more add hardly anything
)
DIRECTIONS = 4  # of the models' vectors, as features of PromptEval's table


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The observations of one model, [n] each, shuffled; as `Observations` without features."""

    prompt: Ints
    known: Floats
    score: Floats
    weight: Floats


class LeaveOutVectors:
    """All training observations of an embedding by model, and vectors fitted without some."""

    def __init__(self, evidence: Evidence, z: Floats, scorer: Scorer) -> None:
        """Group the evidence by model; z [P, k] are the features of its prompts."""
        self._z, self._scorer = z, scorer
        prompts = evidence.holdout.train_and_validation
        ran, compared = evidence.outcomes.on(prompts), evidence.comparisons.on(prompts)
        # Without c0: it cancels between two models.
        logits = z @ scorer.vectors.T
        model = np.concatenate([ran.model, compared.first, compared.second])
        columns = {
            "prompt": np.concatenate([ran.prompt, compared.prompt, compared.prompt]),
            # Seen from either side, the opponent's logit is what is known, with a minus.
            "known": np.concatenate(
                [
                    np.full(len(ran.model), scorer.offset),
                    -logits[compared.prompt, compared.second],
                    -logits[compared.prompt, compared.first],
                ]
            ),
            "score": np.concatenate([ran.score, compared.label, 1.0 - compared.label]),
            "weight": np.concatenate([np.ones(len(ran.model)), compared.weight, compared.weight]),
        }
        # Shuffled within each model: the first MAX_OBSERVATIONS are then a random sample.
        shuffled = np.random.default_rng(0).permutation(len(model))
        order = shuffled[np.argsort(model[shuffled], kind="stable")]
        ends = np.searchsorted(model[order], np.arange(len(scorer.models) + 1))
        self._rows = [
            _Rows(**{name: column[order][start:end] for name, column in columns.items()})
            for start, end in pairwise(ends.tolist())
        ]
        # By the hidden questions: benchmarks of one source hide the same ones again and again.
        self._without: dict[bytes, dict[int, tuple[Floats, Floats]]] = {}

    @property
    def features(self) -> Floats:
        """Return a constant and the directions in which the models' vectors differ most, [M, f]."""
        vectors = self._scorer.vectors
        # Columns of unit length, scaled to entries of size one, like the constant beside them.
        left = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)[0][:, :DIRECTIONS]
        return np.column_stack([np.ones(len(vectors)), left * np.sqrt(len(vectors))])

    def is_new_to(self, model: int, questions: Ints) -> bool:
        """Return whether the model's vector was trained on none of these questions."""
        return not np.isin(self._rows[model].prompt, questions).any()

    def expected(self, model: int, questions: Ints, hidden: Ints) -> Expectation:
        """Return what a model's vector, fitted without `hidden`, expects on questions [N]."""
        fitted = self._without.setdefault(hidden.tobytes(), {})
        if model not in fitted:
            fitted[model] = self._vector(model, hidden)
        return expected_mean(self._z[questions], self._scorer.offset, *fitted[model])

    def _vector(self, model: int, hidden: Ints) -> tuple[Floats, Floats]:
        """Return a model's vector [k] and its covariance [k, k] without some questions."""
        rows = self._rows[model]
        free = ~np.isin(rows.prompt, hidden)
        # The trained vector knows none of the hidden questions: it is the answer.
        if free.all():
            return self._scorer.vectors[model], self._scorer.covariance[model]
        used = np.flatnonzero(free)[:MAX_OBSERVATIONS]
        observed = Observations(
            features=self._z[rows.prompt[used]],
            known=rows.known[used],
            score=rows.score[used],
            weight=rows.weight[used],
        )
        return fit_new_model(observed, self._scorer.prior)
