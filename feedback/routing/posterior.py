"""What is believed about each model's score on a prompt, as posterior draws.

With a promoted embedding and the prompt's vector the belief is about this prompt. Without either
it is about all prompts: the ratings of the leaderboard with their intervals. A model that neither
knows has a wide belief around the middle of the others, so that it is shown until it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings
from django.core.cache import cache
from numpy.typing import NDArray

from feedback.ranking.selectors import leaderboard
from feedback.routing.new_models.posteriors import Newcomer, joined, newcomers_known
from feedback.routing.prompt_vectors.client import PromptUnusedError
from feedback.routing.ttl_cache import for_a_moment
from feedback.training.models import Checkpoint, Kind
from trainers.errors import InputError
from trainers.model_vectors.scorer import Scorer

Floats = NDArray[np.float64]

DRAWS = 1000
UNKNOWN_DEVIATION = 1.0  # logits: one standard deviation of what an unknown model may turn out as
RATINGS_SECONDS = 30  # how long the ratings of a fallback are kept
POINTS_PER_LOGIT = 400 / np.log(10)


@dataclass(frozen=True, slots=True)
class Belief:
    """Draws (N, m), means (m,) and standard deviations (m,) of the models' scores in logits."""

    draws: Floats
    means: Floats
    deviations: Floats
    router_version: str  # who believes it


@for_a_moment
def live_embedding() -> Checkpoint | None:
    """The promoted embedding, as of a moment ago."""
    return Checkpoint.objects.live(Kind.EMBEDDING).first()


@lru_cache(maxsize=2)
def _scorer(path: str, _digest: str) -> Scorer:
    return Scorer.load(Path(settings.DATA_DIR) / path)


def scorer_of(checkpoint: Checkpoint) -> Scorer:
    """The checkpoint's vectors, kept in memory."""
    return _scorer(checkpoint.path, checkpoint.digest)


def readable(checkpoint: Checkpoint) -> Scorer:
    """The checkpoint's vectors, or the reason why routing goes on without the prompt."""
    try:
        return scorer_of(checkpoint)
    except (InputError, OSError):
        raise PromptUnusedError("embedding_unreadable") from None


def scorer_now(checkpoint: Checkpoint) -> Scorer:
    """The checkpoint's vectors with what was learned of models since it was trained."""
    return _joined(checkpoint.path, checkpoint.digest, newcomers_known(checkpoint))


@lru_cache(maxsize=2)
def _joined(path: str, digest: str, newcomers: tuple[Newcomer, ...]) -> Scorer:
    return joined(_scorer(path, digest), newcomers)


def prompt_belief(
    checkpoint: Checkpoint,
    labels: Sequence[str],
    vector: NDArray[np.float32],
    rng: np.random.Generator,
) -> Belief:
    """The belief about this prompt, from the promoted embedding, which can read its vector."""
    means, deviations = scorer_now(checkpoint).believed(vector, labels)
    return Belief(_drawn(means, deviations, rng), means, deviations, str(checkpoint))


def global_belief(labels: Sequence[str], rng: np.random.Generator) -> Belief:
    """The belief about all prompts, from the leaderboard's ratings and intervals."""
    ratings = _ratings_kept()
    middle = float(np.mean([mean for mean, _ in ratings.values()])) if ratings else 0.0
    believed = [ratings.get(label, (middle, UNKNOWN_DEVIATION)) for label in labels]
    means, deviations = np.array(believed, dtype=np.float64).reshape(-1, 2).T
    version = "ratings" if ratings else "uniform"
    return Belief(_drawn(means, deviations, rng), means, deviations, version)


def _drawn(means: Floats, deviations: Floats, rng: np.random.Generator) -> Floats:
    return means + deviations * rng.standard_normal((DRAWS, means.size))


@for_a_moment
def _ratings_kept() -> dict[str, list[float]]:
    return cache.get_or_set("routing.ratings", _ratings, RATINGS_SECONDS) or {}


def _ratings() -> dict[str, tuple[float, float]]:
    return {
        row.model: (
            (row.rating - 1000.0) / POINTS_PER_LOGIT,
            min((row.ci_high - row.ci_low) / (2 * 1.96) / POINTS_PER_LOGIT, UNKNOWN_DEVIATION),
        )
        for row in leaderboard().rows
    }
