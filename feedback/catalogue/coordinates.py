"""Coordinates of models in the promoted embedding: of those it was trained on, and that joined.

What training saw has its coordinates from the promotion on (`ModelVector`). A version that has
only a posterior since (`routing.new_models`) is put beside them, by its newest vector; nobody
moves for it.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings

from feedback.registry.models import ModelVersion, VersionState
from feedback.routing.new_models.posteriors import posteriors_known
from feedback.routing.posterior import live_embedding
from feedback.training.models import Checkpoint, ModelVector
from trainers.arrays import Floats
from trainers.errors import InputError
from trainers.model_map import MapTransform, fit_map_transform


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VersionPoint:
    """A version, its coordinates [w], and how many outcomes and judgments they rest on."""

    version: ModelVersion
    coordinates: Floats
    seen: int
    has_joined: bool  # since the embedding was trained


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeModel:
    """A model version, and by how much its expected score on a prompt differs, typically."""

    version: ModelVersion
    difference: float  # root mean square over prompts, scores in [0, 1]


def version_points() -> list[VersionPoint]:
    """Return all versions that have coordinates, in the order they were made.

    Empty before an embedding is promoted. Distances of coordinates are differences of scores.
    """
    checkpoint = live_embedding()
    if checkpoint is None:
        return []
    rows = (
        ModelVector.objects.filter(checkpoint=checkpoint)
        .select_related("version__model")
        .prefetch_related("version__model__topics")
    )
    trained = [
        VersionPoint(
            version=row.version,
            coordinates=np.asarray(row.vector, np.float64),
            seen=row.seen,
            has_joined=False,
        )
        for row in rows
    ]
    found = trained + _joined(checkpoint, trained)
    return sorted(found, key=lambda point: point.version.created_at)


def models_like(version: ModelVersion, limit: int = 10) -> list[LikeModel]:
    """Return versions that do well on the same prompts, nearest first (trainers/model_map.py).

    Empty where there is no promoted embedding, or the version has no coordinates in it.
    """
    found = version_points()
    own = next((point for point in found if point.version == version), None)
    if own is None:
        return []
    near = [
        LikeModel(
            version=point.version,
            difference=float(np.linalg.norm(point.coordinates - own.coordinates)),
        )
        for point in found
        if point is not own and point.version.state != VersionState.RETIRED
    ]
    return sorted(near, key=lambda one: one.difference)[:limit]


def _joined(checkpoint: Checkpoint, trained: list[VersionPoint]) -> list[VersionPoint]:
    """Return versions that training did not see and of which something is known since."""
    labels = {point.version.label for point in trained}
    new = {one.label: one for one in posteriors_known(checkpoint) if one.label not in labels}
    if not new or not trained:
        return []
    try:
        transform = _map_transform(checkpoint.pk, checkpoint.path)
    except (InputError, OSError):
        return []  # routing says so (`embedding_unreadable`); the map has what was stored
    versions = ModelVersion.objects.filter(label__in=new).select_related("model")
    return [
        VersionPoint(
            version=version,
            coordinates=transform.coordinates(new[version.label].vector[None])[0],
            seen=new[version.label].observations,
            has_joined=True,
        )
        for version in versions.prefetch_related("model__topics")
    ]


@lru_cache(maxsize=2)
def _map_transform(checkpoint_id: UUID, path: str) -> MapTransform:
    """Return how a vector becomes coordinates on a checkpoint's map, which never changes."""
    rows = ModelVector.objects.filter(checkpoint=checkpoint_id)
    coordinates = {
        label: np.asarray(vector, np.float64)
        for label, vector in rows.values_list("version__label", "vector")
    }
    return fit_map_transform(Path(settings.DATA_DIR) / path, coordinates)
