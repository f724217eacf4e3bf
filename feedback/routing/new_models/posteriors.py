"""Posteriors that are newer than the live embedding: of new models, and of others judged since.

The embedding is retrained once in a while; what was judged since is put beside it as a newer
posterior of each model (`posteriors_refresh`), and the router reads the two as one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import numpy as np
from django.db.models import Count, Max

from feedback.routing.new_models.models import ModelPosterior, PosteriorSource
from feedback.training.models import Checkpoint
from trainers.arrays import Floats
from trainers.model_vectors.families import family_of
from trainers.model_vectors.scorer import Scorer

SECONDS = 5  # how old what the router knows may be


# Equal only to itself, so that a tuple of them can be the key of a cache without hashing arrays.
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NewerPosterior:
    """The belief about a version: vector [k], covariance [k, k], and what it rests on."""

    label: str
    vector: Floats
    covariance: Floats
    observations: int
    source: PosteriorSource
    updated_at: datetime


def posteriors_known(checkpoint: Checkpoint) -> tuple[NewerPosterior, ...]:
    """Return what is known beyond the checkpoint, by label; at most some seconds old."""
    return _known(checkpoint.pk, _state(checkpoint.pk, int(time.monotonic() // SECONDS)))


def posteriors_forget() -> None:
    """Have the next call read anew: for whoever has just written."""
    _state.cache_clear()


def with_posteriors(scorer: Scorer, posteriors: Sequence[NewerPosterior]) -> Scorer:
    """Return the scorer with newer posteriors in the place of its own, and of unseen models."""
    if not posteriors:
        return scorer
    newer = {one.label: one for one in posteriors}
    kept = np.array([label not in newer for label in scorer.models], bool)
    kin = [family_of(one.label, scorer.families) or one.label for one in posteriors]
    families = [of for of, keep in zip(scorer.families, kept, strict=True) if keep]
    own = {label: int(n) for label, n in zip(scorer.models, scorer.counts, strict=True)}
    models = [label for label in scorer.models if label not in newer]
    counts = [own.get(one.label, 0) + one.observations for one in posteriors]
    return replace(
        scorer,
        models=(*models, *newer),
        families=(*families, *kin),
        counts=np.concatenate([scorer.counts[kept], np.array(counts, np.int64)]),
        vectors=np.vstack([scorer.vectors[kept], *(one.vector for one in posteriors)]),
        covariance=np.concatenate(
            [scorer.covariance[kept], np.stack([one.covariance for one in posteriors])]
        ),
    )


@lru_cache(maxsize=4)
def _state(checkpoint_id: UUID, _tick: int) -> tuple[object, ...]:
    """Return what changes whenever a posterior of the checkpoint does; cheap to read."""
    rows = ModelPosterior.objects.filter(checkpoint=checkpoint_id)
    return tuple(rows.aggregate(Max("updated_at"), Count("id")).values())


@lru_cache(maxsize=2)
def _known(checkpoint_id: UUID, _state_read: tuple[object, ...]) -> tuple[NewerPosterior, ...]:
    """Return one posterior a version; the state is in the key, so that a change reads anew."""
    rows = ModelPosterior.objects.filter(checkpoint=checkpoint_id).select_related("version")
    found: dict[str, NewerPosterior] = {}
    for row in rows.order_by("version__label", "source"):  # "evidence" comes before "probe"
        found.setdefault(row.version.label, posterior_of(row))
    return tuple(found.values())


def posterior_of(row: ModelPosterior) -> NewerPosterior:
    """Return the row's numbers as arrays."""
    vector = np.asarray(row.vector, np.float64)
    covariance = np.frombuffer(bytes(row.covariance), "<f8").reshape(len(vector), len(vector))
    return NewerPosterior(
        label=row.version.label,
        vector=vector,
        covariance=covariance.astype(np.float64),
        observations=row.observations,
        source=PosteriorSource(row.source),
        updated_at=row.updated_at,
    )
