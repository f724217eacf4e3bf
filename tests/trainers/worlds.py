"""A simulated world of models and questions whose truth is a rank-8 logit model (card 3)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainers.data.holdout import Holdout
from trainers.embedding.config import EmbeddingConfig
from trainers.embedding.fit import fit_embedding
from trainers.embedding.train import scorer_tensors
from trainers.model_vectors.evidence import Evidence, Outcomes, PairwiseComparisons
from trainers.model_vectors.scorer import Scorer
from trainers.tuning.devices import make_deterministic, one_thread

Array = NDArray[np.float64]

CONFIG = EmbeddingConfig(dimension=16, device="cpu")


@dataclass(frozen=True)
class World:
    """`logits` (questions, models) are the truth; `vectors` is what an encoder would give."""

    vectors: NDArray[np.float32]
    logits: Array
    outcomes: Array

    @property
    def holdout(self) -> Holdout:
        rows = np.arange(len(self.logits))
        return Holdout(
            train=rows[rows % 10 < 8], validation=rows[rows % 10 == 8], test=rows[rows % 10 == 9]
        )

    def evidence(self, outcomes: Outcomes, comparisons: PairwiseComparisons) -> Evidence:
        questions, models = self.logits.shape
        return Evidence(
            prompts=[f"q{number}" for number in range(questions)],
            texts=["text"] * questions,
            models=[f"m{number:02d}" for number in range(models)],
            outcomes=outcomes,
            comparisons=comparisons,
            holdout=self.holdout,
        )


def world(questions: int = 2000, models: int = 40, seed: int = 0) -> World:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(questions, 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    skills = rng.normal(size=(models, 8))
    logits = 4.0 * (vectors @ rng.normal(size=(32, 8))) @ skills.T / np.sqrt(8)
    logits += rng.normal(size=models) * 0.5
    outcomes = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    return World(vectors.astype(np.float32), logits, outcomes)


def no_comparisons() -> PairwiseComparisons:
    none = np.empty(0, np.int64)
    return PairwiseComparisons(
        prompt=none, first=none, second=none, label=np.empty(0), weight=np.empty(0)
    )


def no_outcomes() -> Outcomes:
    return Outcomes(prompt=np.empty(0, np.int64), model=np.empty(0, np.int64), score=np.empty(0))


def outcomes_where(made: World, ran: NDArray[np.bool_]) -> Outcomes:
    """The outcomes of the cells (questions, models) that were run."""
    prompt, model = np.nonzero(ran)
    return Outcomes(prompt=prompt, model=model, score=made.outcomes[prompt, model])


def comparisons_of(made: World, per_question: int, seed: int = 0) -> PairwiseComparisons:
    """Random pairs of models on every question, won by the logistic of the true difference."""
    rng = np.random.default_rng(seed)
    questions, models = made.logits.shape
    prompt = np.repeat(np.arange(questions), per_question)
    first = rng.integers(0, models, len(prompt))
    second = (first + rng.integers(1, models, len(prompt))) % models
    gap = made.logits[prompt, first] - made.logits[prompt, second]
    label = (rng.random(len(prompt)) < 1 / (1 + np.exp(-gap))).astype(float)
    return PairwiseComparisons(
        prompt=prompt, first=first, second=second, label=label, weight=np.ones(len(prompt))
    )


def fitted(
    evidence: Evidence, vectors: NDArray[np.float32], config: EmbeddingConfig = CONFIG
) -> Scorer:
    make_deterministic(config.seed)
    with one_thread():
        model, _ = fit_embedding(evidence, vectors, config, lambda epoch, epochs, score: None)
    tensors = scorer_tensors(model, evidence, vectors)
    return Scorer.of(tensors, evidence.models, "simulated")


def permuted(scorer: Scorer, seed: int = 0) -> Scorer:
    """The same vectors under other models' names."""
    order = np.random.default_rng(seed).permutation(len(scorer.models))
    return replace(scorer, vectors=scorer.vectors[order])
