"""The model map: which models do well on the same prompts, from the promoted embedding."""

import uuid
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from feedback.catalogue.coordinates import LikeModel, VersionPoint, version_points
from feedback.catalogue.map_svg import Point, Spot, map_drawing
from feedback.registry.models import ModelVersion, VersionState
from trainers.arrays import Floats
from trainers.model_map import plane_share

NEIGHBOURS = 3
FEW = 30  # a model that was seen less often has a ring around its mark: it may move
SHAPES = 6  # the last one is for all other specialities, and for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A model on the map."""

    version: ModelVersion
    speciality: str
    shape: int  # 1 to SHAPES
    few: bool
    nearest: tuple[LikeModel, ...]
    spot: Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMap:
    """All marks by name, what their shapes stand for, and what the plane shows.

    `share`: of the squared differences between models, in [0, 1].
    """

    marks: tuple[Mark, ...]
    shapes: tuple[tuple[int, str], ...]  # the last may be without a name: others, or none
    share: float
    height: int  # of the drawing at its full width, in pixels

    @property
    def unnamed(self) -> int:
        """Return how many marks have no name beside them for want of room."""
        return sum(mark.spot.name is None for mark in self.marks)

    @property
    def outside(self) -> int:
        """Return how many marks lie beyond the edge at which they stand."""
        return sum(mark.spot.is_outside for mark in self.marks)

    @property
    def has_few(self) -> bool:
        """Say whether some model was seen too seldom to be sure where it lies."""
        return any(mark.few for mark in self.marks)

    def mark_of(self, slug: str) -> Mark | None:
        """Return the mark of a model; None where it is not on the map."""
        return next((mark for mark in self.marks if mark.version.model.slug == slug), None)

    def only(self, models: Container[uuid.UUID]) -> "ModelMap":
        """Return the same map with these models alone, where they were."""
        kept = tuple(mark for mark in self.marks if mark.version.model_id in models)
        used = {mark.shape for mark in kept}
        return replace(self, marks=kept, shapes=tuple(s for s in self.shapes if s[0] in used))

    def absent(self, versions: Iterable[ModelVersion]) -> list[ModelVersion]:
        """Return the versions that are not on the map yet, and are not retired."""
        drawn = {mark.version.pk for mark in self.marks}
        return [
            version
            for version in versions
            if version.pk not in drawn and version.state != VersionState.RETIRED
        ]


def model_map() -> ModelMap | None:
    """Return the map of all models that are not retired; None before an embedding is promoted."""
    found = [point for point in version_points() if point.version.state != VersionState.RETIRED]
    # Points come oldest first, so the newest version of a model is the one that stays.
    newest = {point.version.model_id: point for point in found}
    if not newest:
        return None
    # The frame is drawn around what training saw, so that nobody moves when a model joins.
    frame = tuple(_on_the_plane(point) for point in found if not point.has_joined)
    # Names are given out in this order: what is known best has its name first.
    shown = sorted(
        newest.values(), key=lambda point: (point.has_joined, -point.seen, point.version.label)
    )
    return _drawn(shown, frame)


def _on_the_plane(point: VersionPoint) -> Point:
    return float(point.coordinates[0]), float(point.coordinates[1])


def _drawn(rows: Sequence[VersionPoint], frame: tuple[Point, ...]) -> ModelMap:
    versions = [row.version for row in rows]
    coordinates = np.array([row.coordinates for row in rows])
    fields = [_speciality(version) for version in versions]
    shapes = _shapes(fields)
    plane = tuple(_on_the_plane(row) for row in rows)
    frame = frame if len(set(frame)) > 1 else plane  # a single point has no extent to scale to
    drawing = map_drawing(plane, tuple(version.label for version in versions), frame)
    marks = tuple(
        Mark(
            version=row.version,
            speciality=field,
            shape=shapes.get(field, SHAPES),
            few=row.seen < FEW,
            nearest=nearest,
            spot=spot,
        )
        for row, field, nearest, spot in zip(
            rows, fields, _nearest(coordinates, versions), drawing.spots, strict=True
        )
    )
    key = [(shape, field) for field, shape in shapes.items()]
    if any(mark.shape == SHAPES for mark in marks):
        key.append((SHAPES, ""))
    in_order = sorted(marks, key=lambda mark: mark.version.label.casefold())
    return ModelMap(
        marks=tuple(in_order),
        shapes=tuple(key),
        share=plane_share(coordinates),
        height=drawing.height,
    )


def _speciality(version: ModelVersion) -> str:
    topics = list(version.model.topics.all())
    return topics[0].name if topics else ""


def _shapes(fields: Sequence[str]) -> dict[str, int]:
    """Return a shape for each of the specialities that most models have."""
    common = Counter(field for field in fields if field)
    ranked = sorted(common, key=lambda field: (-common[field], field))
    return {field: number for number, field in enumerate(ranked[: SHAPES - 1], start=1)}


def _nearest(coordinates: Floats, versions: Sequence[ModelVersion]) -> list[tuple[LikeModel, ...]]:
    """Return each model's nearest others, by coordinates [n, w] in all their dimensions."""
    squares = np.square(coordinates).sum(1)
    inner = coordinates @ coordinates.T
    # |a - b|^2 = |a|^2 + |b|^2 - 2ab; rounding may leave it a little below zero.
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * inner, 0.0))
    np.fill_diagonal(apart, np.inf)
    order = np.argsort(apart, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(versions) - 1)]
    return [
        tuple(
            LikeModel(version=versions[other], difference=float(apart[row, other]))
            for other in near
        )
        for row, near in enumerate(order)
    ]
