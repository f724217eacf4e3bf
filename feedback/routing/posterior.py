"""Beliefs about each model's score on a prompt, as posterior draws.

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

from feedback.ranking.selectors import leaderboard
from feedback.routing.new_models.posteriors import (
    NewerPosterior,
    posteriors_known,
    with_posteriors,
)
from feedback.routing.prompt_vectors.client import PromptUnusedError
from feedback.routing.ttl_cache import cached_for_a_second
from feedback.training.models import Checkpoint, Kind
from trainers.arrays import Bools, Floats, Floats32
from trainers.errors import InputError
from trainers.model_vectors.scorer import Scorer

DRAWS = 1000
UNKNOWN_DEVIATION = 1.0  # logits: one standard deviation of what an unknown model may turn out as
RATINGS_SECONDS = 30  # how long the ratings of a fallback are kept
POINTS_PER_LOGIT = 400 / np.log(10)
MIDDLE_POINTS = 1000.0  # the rating of an average model
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Draws [N, m], means [m] and standard deviations [m] of the models' scores in logits.

    known: [m] whether anything was observed of a model; of others the prior is believed.
    """

    draws: Floats
    means: Floats
    deviations: Floats
    known: Bools
    router_version: str  # who believes it: an embedding, `ratings`, or `uniform`


@cached_for_a_second
def live_embedding() -> Checkpoint | None:
    """Return the promoted embedding, as of a second ago."""
    return Checkpoint.objects.live(Kind.EMBEDDING).first()


# The digest is in the key: another artifact at the same path is read anew. Two are kept, for the
# moments around a promotion.
@lru_cache(maxsize=2)
def _scorer(path: str, _digest: str) -> Scorer:
    return Scorer.load(Path(settings.DATA_DIR) / path)


def scorer_of(checkpoint: Checkpoint) -> Scorer:
    """Return the checkpoint's vectors, kept in memory; raises InputError or OSError."""
    return _scorer(checkpoint.path, checkpoint.digest)


def readable_scorer(checkpoint: Checkpoint) -> Scorer:
    """Return the checkpoint's vectors, or raise why routing goes on without the prompt."""
    try:
        return scorer_of(checkpoint)
    except (InputError, OSError):
        raise PromptUnusedError("embedding_unreadable") from None


def scorer_now(checkpoint: Checkpoint) -> Scorer:
    """Return the checkpoint's vectors with what was learned of models since it was trained."""
    return _joined(checkpoint.path, checkpoint.digest, posteriors_known(checkpoint))


@lru_cache(maxsize=2)
def _joined(path: str, digest: str, posteriors: tuple[NewerPosterior, ...]) -> Scorer:
    return with_posteriors(_scorer(path, digest), posteriors)


def prompt_belief(
    checkpoint: Checkpoint, labels: Sequence[str], vector: Floats32, rng: np.random.Generator
) -> Belief:
    """Return the belief about this prompt, of the promoted embedding, which can read its vector.

    labels: of the m models; vector: [d].
    """
    scorer = scorer_now(checkpoint)
    means, deviations = scorer.believed(vector, labels)
    return _belief(means, deviations, scorer.observed(labels), str(checkpoint), rng)


def global_belief(labels: Sequence[str], rng: np.random.Generator) -> Belief:
    """Return the belief about all prompts, from the leaderboard's ratings and intervals."""
    ratings = _ratings_kept()
    middle = float(np.mean([mean for mean, _ in ratings.values()])) if ratings else 0.0
    believed = [ratings.get(label, (middle, UNKNOWN_DEVIATION)) for label in labels]
    means, deviations = np.array(believed, dtype=np.float64).reshape(-1, 2).T
    known = np.array([label in ratings for label in labels], bool)
    return _belief(means, deviations, known, "ratings" if ratings else "uniform", rng)


def _belief(
    means: Floats, deviations: Floats, known: Bools, router_version: str, rng: np.random.Generator
) -> Belief:
    draws = means + deviations * rng.standard_normal((DRAWS, means.size))
    return Belief(
        draws=draws,
        means=means,
        deviations=deviations,
        known=known,
        router_version=router_version,
    )


@cached_for_a_second
def _ratings_kept() -> dict[str, list[float]]:
    return cache.get_or_set("routing.ratings", _ratings, RATINGS_SECONDS) or {}


def _ratings() -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation in logits by label, no wider than of an unknown model."""
    return {
        row.model: (
            (row.rating - MIDDLE_POINTS) / POINTS_PER_LOGIT,
            min(
                (row.ci_high - row.ci_low) / (2 * NORMAL_95) / POINTS_PER_LOGIT,
                UNKNOWN_DEVIATION,
            ),
        )
        for row in leaderboard().rows
    }
