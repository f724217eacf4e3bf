"""What is believed about each model's score on a prompt, as posterior draws.

With a promoted embedding and the prompt's vector the belief is about this prompt. Without either
it is about all prompts: the ratings of the leaderboard with their intervals. A model that neither
knows has a wide belief around the middle of the others, so that it is shown until it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.core.cache import cache
from numpy.typing import NDArray
from trainers.embedding.score import Scorer

from feedback.ranking.selectors import leaderboard
from feedback.training.models import Checkpoint, CheckpointState, Kind

Floats = NDArray[np.float64]

DRAWS = 1000
UNKNOWN_DEVIATION = 1.0  # logits: one standard deviation of what an unknown model may turn out as
RATINGS_SECONDS = 30  # how long the ratings of a fallback are kept
POINTS_PER_LOGIT = 400 / np.log(10)


@dataclass(frozen=True, slots=True)
class Belief:
    """Draws (N, m) and means (m,) of the models' scores in logits, and who believes it."""

    draws: Floats
    means: Floats
    router_version: str


def live_embedding() -> Checkpoint | None:
    """The promoted embedding."""
    return Checkpoint.objects.filter(kind=Kind.EMBEDDING, state=CheckpointState.LIVE).first()


@lru_cache(maxsize=2)
def _scorer(path: str, _digest: str) -> Scorer:
    return Scorer.load(path)


def scorer_of(checkpoint: Checkpoint) -> Scorer:
    """The checkpoint's vectors, kept in memory."""
    return _scorer(checkpoint.path, checkpoint.digest)


def prompt_belief(
    checkpoint: Checkpoint,
    labels: Sequence[str],
    vector: NDArray[np.float32],
    rng: np.random.Generator,
) -> Belief:
    """The belief about this prompt, from the promoted embedding."""
    scorer = scorer_of(checkpoint)
    known = {label: index for index, label in enumerate(scorer.models)}
    columns = [known.get(label, -1) for label in labels]
    all_draws = np.asarray(scorer.sample(vector, DRAWS, rng), dtype=np.float64)
    all_means = np.asarray(scorer.scores(vector[None, :])[0], dtype=np.float64)
    draws, means = _with_unknown(all_draws, all_means, columns, rng)
    return Belief(draws, means, str(checkpoint))


def global_belief(labels: Sequence[str], rng: np.random.Generator) -> Belief:
    """The belief about all prompts, from the leaderboard's ratings and intervals."""
    ratings = cache.get_or_set("routing.ratings", _ratings, RATINGS_SECONDS) or {}
    known = list(ratings)
    columns = [known.index(label) if label in ratings else -1 for label in labels]
    means = np.array([mean for mean, _ in ratings.values()], dtype=np.float64)
    deviations = np.array([sd for _, sd in ratings.values()], dtype=np.float64)
    draws = means + deviations * rng.standard_normal((DRAWS, len(known)))
    draws, means = _with_unknown(draws, means, columns, rng)
    return Belief(draws, means, "ratings" if known else "uniform")


def _ratings() -> dict[str, tuple[float, float]]:
    return {
        row.model: (
            (row.rating - 1000.0) / POINTS_PER_LOGIT,
            min((row.ci_high - row.ci_low) / (2 * 1.96) / POINTS_PER_LOGIT, UNKNOWN_DEVIATION),
        )
        for row in leaderboard().rows
    }


def _with_unknown(
    draws: Floats, means: Floats, columns: list[int], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Pick the columns that are wanted; −1 stands for a model that is not known yet."""
    middle = float(means.mean()) if means.size else 0.0
    wanted = np.array(columns)
    unknown = np.flatnonzero(wanted < 0)
    padded = np.concatenate([draws, np.full((DRAWS, 1), middle)], axis=1)[:, wanted]
    padded[:, unknown] += UNKNOWN_DEVIATION * rng.standard_normal((DRAWS, unknown.size))
    return padded, np.append(means, middle)[wanted]
