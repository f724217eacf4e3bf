"""Models that the live embedding has not met, or of which more is known since: read by the router.

The embedding is retrained once in a while; what was judged since is put beside it as a newer
posterior of each model (`newcomers_refresh`), and the two are read as one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import numpy as np
from django.db.models import Count, Max
from numpy.typing import NDArray

from feedback.routing.new_models.models import ModelPosterior, PosteriorSource
from feedback.training.models import Checkpoint
from trainers.model_vectors.families import family_of
from trainers.model_vectors.scorer import Scorer

Floats = NDArray[np.float64]

SECONDS = 5  # how old what the router knows may be


@dataclass(frozen=True, slots=True, eq=False)  # equal only to itself, so that it can be a key
class Newcomer:
    """The belief about a version: vector (k,), covariance (k, k), and what it rests on."""

    label: str
    vector: Floats
    covariance: Floats
    observations: int
    source: str
    updated_at: datetime


def newcomers_known(checkpoint: Checkpoint) -> tuple[Newcomer, ...]:
    """What is known beyond the checkpoint, by label; at most some seconds old."""
    return _known(checkpoint.pk, _state(checkpoint.pk, int(time.monotonic() // SECONDS)))


def newcomers_forget() -> None:
    """Read anew at the next call: for whoever has just written."""
    _state.cache_clear()


def joined(scorer: Scorer, newcomers: Sequence[Newcomer]) -> Scorer:
    """The scorer with the newer posteriors in the place of its own, and of those it never met."""
    if not newcomers:
        return scorer
    newer = {one.label: one for one in newcomers}
    kept = np.array([label not in newer for label in scorer.models], bool)
    kin = [family_of(one.label, scorer.families) or one.label for one in newcomers]
    families = [of for of, keep in zip(scorer.families, kept, strict=True) if keep]
    own = {label: int(n) for label, n in zip(scorer.models, scorer.counts, strict=True)}
    models = [label for label in scorer.models if label not in newer]
    counts = [own.get(one.label, 0) + one.observations for one in newcomers]
    return replace(
        scorer,
        models=(*models, *newer),
        families=(*families, *kin),
        counts=np.concatenate([scorer.counts[kept], np.array(counts, np.int64)]),
        vectors=np.vstack([scorer.vectors[kept], *(one.vector for one in newcomers)]),
        covariance=np.concatenate(
            [scorer.covariance[kept], np.stack([one.covariance for one in newcomers])]
        ),
    )


@lru_cache(maxsize=4)
def _state(checkpoint_id: UUID, _tick: int) -> tuple[object, ...]:
    """What changes whenever a posterior of the checkpoint does; cheap to read."""
    rows = ModelPosterior.objects.filter(checkpoint=checkpoint_id)
    return tuple(rows.aggregate(Max("updated_at"), Count("id")).values())


@lru_cache(maxsize=2)
def _known(checkpoint_id: UUID, _state: tuple[object, ...]) -> tuple[Newcomer, ...]:
    rows = ModelPosterior.objects.filter(checkpoint=checkpoint_id).select_related("version")
    found: dict[str, Newcomer] = {}
    for row in rows.order_by("version__label", "source"):  # evidence comes before probe
        found.setdefault(row.version.label, newcomer_of(row))
    return tuple(found.values())


def newcomer_of(row: ModelPosterior) -> Newcomer:
    """The row's numbers as arrays."""
    vector = np.asarray(row.vector, np.float64)
    spread = np.frombuffer(bytes(row.covariance), "<f8").reshape(len(vector), len(vector))
    return Newcomer(
        row.version.label,
        vector,
        spread.astype(np.float64),
        row.observations,
        PosteriorSource(row.source),
        row.updated_at,
    )
