"""Where models lie in the promoted embedding: those that it was trained on, and those that joined.

What training saw has its place from the promotion on (`ModelVector`). A version that has only a
posterior since (`newcomers`) is put beside them, by its newest vector; nobody moves for it.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from feedback.registry.models import ModelVersion, VersionState
from feedback.routing.new_models.posteriors import posteriors_known
from feedback.routing.posterior import live_embedding
from feedback.training.models import Checkpoint, ModelVector
from trainers.errors import InputError
from trainers.model_map import MapTransform, fit_map_transform

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A version, its coordinates (w,), and how many outcomes and judgments they rest on."""

    version: ModelVersion
    point: Floats
    seen: int
    has_joined: bool  # since the embedding was trained


@dataclass(frozen=True, slots=True)
class LikeModel:
    """A model version, and by how much its expected score on a prompt differs, typically."""

    version: ModelVersion
    difference: float  # root mean square over prompts, scores in [0, 1]


def places() -> list[Place]:
    """All versions that have a place, in the order they were made; none without an embedding."""
    checkpoint = live_embedding()
    if checkpoint is None:
        return []
    rows = (
        ModelVector.objects.filter(checkpoint=checkpoint)
        .select_related("version__model")
        .prefetch_related("version__model__topics")
    )
    trained = [
        Place(row.version, np.asarray(row.vector, np.float64), row.seen, has_joined=False)
        for row in rows
    ]
    found = trained + _joined(checkpoint, trained)
    return sorted(found, key=lambda place: place.version.created_at)


def models_like(version: ModelVersion, limit: int = 10) -> list[LikeModel]:
    """Versions that do well on the same prompts, nearest first (trainers/model_map.py).

    None where there is no promoted embedding, or the version has no place in it.
    """
    found = places()
    own = next((place for place in found if place.version == version), None)
    if own is None:
        return []
    near = [
        LikeModel(place.version, float(np.linalg.norm(place.point - own.point)))
        for place in found
        if place is not own and place.version.state != VersionState.RETIRED
    ]
    return sorted(near, key=lambda one: one.difference)[:limit]


def _joined(checkpoint: Checkpoint, trained: list[Place]) -> list[Place]:
    """Those that training did not see and of which something is known since."""
    placed = {place.version.label for place in trained}
    new = {one.label: one for one in posteriors_known(checkpoint) if one.label not in placed}
    if not new or not trained:
        return []
    try:
        ground = _ground(checkpoint.pk, checkpoint.path)
    except (InputError, OSError):
        return []  # routing says so (`embedding_unreadable`); the map has what was stored
    versions = ModelVersion.objects.filter(label__in=new).select_related("model")
    return [
        Place(
            version,
            ground.coordinates(new[version.label].vector[None])[0],
            new[version.label].observations,
            has_joined=True,
        )
        for version in versions.prefetch_related("model__topics")
    ]


@lru_cache(maxsize=2)
def _ground(checkpoint: UUID, path: str) -> MapTransform:
    """The ground of a checkpoint's map; its places are written once."""
    rows = ModelVector.objects.filter(checkpoint=checkpoint)
    stand = {
        label: np.asarray(vector, np.float64)
        for label, vector in rows.values_list("version__label", "vector")
    }
    return fit_map_transform(Path(settings.DATA_DIR) / path, stand)
