"""Forecasts of a version's win rate on each topic, from the live embedding."""

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db import connection

from feedback.registry.models import ModelVersion
from feedback.routing.posterior import live_embedding, scorer_now
from feedback.routing.prompt_vectors.store import EncoderChangedError, encoder_in_use, vectors_of
from feedback.training.models import Checkpoint
from trainers.arrays import Floats, Floats32
from trainers.errors import InputError
from trainers.forecast.topics import Contest
from trainers.model_vectors.scorer import Scorer

MOST = 200  # prompts of a topic; more make the interval hardly narrower
SECONDS = 300  # how long a version's forecasts are kept

# Of too many prompts those are taken whose hashes come first: not the oldest, which may be alike.
PROMPTS = """
SELECT name, slug, encode(content_hash, 'hex') FROM (
  SELECT DISTINCT topic.slug, topic.name, t.content_hash,
         dense_rank() OVER (PARTITION BY topic.id ORDER BY t.content_hash) AS position
    FROM feedback_topic topic
    JOIN feedback_turn_topics tt ON tt.topic_id = topic.id
    JOIN feedback_turn t ON t.id = tt.turn_id AND t.withheld_at IS NULL
    JOIN feedback_promptvector e ON e.content_hash = t.content_hash AND e.encoder_id = %s
) ranked WHERE position <= %s ORDER BY name, slug, content_hash
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicForecast:
    """The expected win rate in [0, 1] of a version against the others on a topic's prompts.

    `low` and `high` bound a 95 % interval, over the vectors' uncertainty and a resample of the
    prompts. `n` prompts of the topic went in.
    """

    topic: str
    slug: str
    expected: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Topic:
    """A topic and the vectors [n, d] of its encoded prompts."""

    name: str
    slug: str
    vectors: Floats32


def topic_forecasts(version: ModelVersion) -> tuple[TopicForecast, ...]:
    """Return a forecast for every topic with encoded prompts, by name.

    A version of which nothing is known has a wide interval. Empty without a live embedding that
    reads the stored vectors, or without opponents. Kept for `SECONDS`.
    """
    checkpoint = live_embedding()
    if checkpoint is None:
        return ()
    key = f"catalogue.forecasts.{checkpoint.pk}.{version.pk}"
    rows = cache.get_or_set(key, lambda: _computed(checkpoint, version.label), SECONDS) or []
    return tuple(TopicForecast(**row) for row in rows)


def _computed(checkpoint: Checkpoint, label: str) -> list[dict[str, Any]]:
    """Return the fields of each forecast, as JSON: the shared cache keeps no classes of ours."""
    try:
        scorer = scorer_now(checkpoint)
        topics = _topics()
    except (InputError, OSError, EncoderChangedError):
        return []
    vectors, covariance, row = _among(scorer, label)
    if len(vectors) < 2:
        return []
    # The seed is fixed: who loads the page again after the cache has run out sees the same numbers.
    contest = Contest(vectors, covariance, row, np.random.default_rng(0))
    found = []
    for topic in topics:
        rate = contest.on(scorer.features(topic.vectors).astype(np.float64))
        found.append(
            {
                "topic": topic.name,
                "slug": topic.slug,
                "expected": rate.expected,
                "low": rate.low,
                "high": rate.high,
                "n": len(topic.vectors),
            }
        )
    return found


def _topics() -> list[_Topic]:
    """Return the topics that have encoded prompts, with at most `MOST` of them."""
    encoder = encoder_in_use()
    if encoder is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(PROMPTS, [encoder.pk, MOST])
        rows = cursor.fetchall()
    vectors = vectors_of({key for *_, key in rows})
    return [
        _Topic(name=name, slug=slug, vectors=np.stack([vectors[key] for *_, key in of]))
        for (name, slug), of in groupby(rows, key=itemgetter(0, 1))
    ]


def _among(scorer: Scorer, label: str) -> tuple[Floats, Floats, int]:
    """Return all models' vectors [m, k] and covariances [m, k, k], and the row of this one."""
    if label in scorer.models:
        return scorer.vectors, scorer.covariance, scorer.models.index(label)
    prior = scorer.prior_of(label)
    vectors = np.vstack([scorer.vectors, prior.mean])
    return vectors, np.concatenate([scorer.covariance, prior.covariance[None]]), len(vectors) - 1
