"""The model map: which models do well on the same prompts, from the promoted embedding."""

import uuid
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from feedback.catalogue.coordinates import LikeModel, Place, places
from feedback.catalogue.map_svg import Point, Spot, map_drawing
from feedback.registry.models import ModelVersion, VersionState
from trainers.model_map import plane_share

NEIGHBOURS = 3
FEW = 30  # a model that was seen less often has a ring around its mark
SHAPES = 6  # the last one is for all other specialities, and for none


@dataclass(frozen=True, slots=True)
class Mark:
    """A model on the map."""

    version: ModelVersion
    speciality: str
    shape: int  # 1 to SHAPES
    few: bool
    nearest: tuple[LikeModel, ...]
    spot: Spot


@dataclass(frozen=True, slots=True)
class ModelMap:
    """All marks, what their shapes stand for, and how much of the differences the plane shows."""

    marks: tuple[Mark, ...]
    shapes: tuple[tuple[int, str], ...]  # the last may be without a name: others, or none
    share: float
    height: int  # of the drawing at its full width, in pixels

    @property
    def unnamed(self) -> int:
        """How many marks have no name beside them for want of room."""
        return sum(mark.spot.name is None for mark in self.marks)

    @property
    def outside(self) -> int:
        """How many marks lie beyond the edge at which they stand."""
        return sum(mark.spot.is_outside for mark in self.marks)

    @property
    def has_few(self) -> bool:
        """Whether some model was seen too seldom to be sure of its place."""
        return any(mark.few for mark in self.marks)

    def mark_of(self, slug: str) -> Mark | None:
        """The mark of a model."""
        return next((mark for mark in self.marks if mark.version.model.slug == slug), None)

    def only(self, models: Container[uuid.UUID]) -> "ModelMap":
        """The same map with these models alone, where they were."""
        kept = tuple(mark for mark in self.marks if mark.version.model_id in models)
        used = {mark.shape for mark in kept}
        return replace(self, marks=kept, shapes=tuple(s for s in self.shapes if s[0] in used))

    def absent(self, versions: Iterable[ModelVersion]) -> list[ModelVersion]:
        """Those of the versions that have no place yet, and are not retired."""
        placed = {mark.version.pk for mark in self.marks}
        return [
            version
            for version in versions
            if version.pk not in placed and version.state != VersionState.RETIRED
        ]


def model_map() -> ModelMap | None:
    """The map of all models that are not retired; none before an embedding is promoted."""
    found = [place for place in places() if place.version.state != VersionState.RETIRED]
    newest = {place.version.model_id: place for place in found}  # one version of each model
    if not newest:
        return None
    frame = tuple(_on_the_plane(place) for place in found if not place.has_joined)
    shown = sorted(
        newest.values(), key=lambda place: (place.has_joined, -place.seen, place.version.label)
    )
    return _drawn(shown, frame)


def _on_the_plane(place: Place) -> Point:
    return float(place.point[0]), float(place.point[1])


def _drawn(rows: Sequence[Place], frame: tuple[Point, ...]) -> ModelMap:
    """Names are given out in the order of the rows: what is known best has its name first.

    The frame is drawn around what training saw, so that nobody moves when a model joins.
    """
    versions = [row.version for row in rows]
    placed = np.array([row.point for row in rows])
    fields = [_speciality(version) for version in versions]
    shapes = _shapes(fields)
    plane = tuple(_on_the_plane(row) for row in rows)
    frame = frame if len(set(frame)) > 1 else plane
    drawing = map_drawing(plane, tuple(version.label for version in versions), frame)
    marks = tuple(
        Mark(row.version, field, shapes.get(field, SHAPES), row.seen < FEW, nearest, spot)
        for row, field, nearest, spot in zip(
            rows, fields, _nearest(placed, versions), drawing.spots, strict=True
        )
    )
    key = [(shape, field) for field, shape in shapes.items()]
    if any(mark.shape == SHAPES for mark in marks):
        key.append((SHAPES, ""))
    in_order = sorted(marks, key=lambda mark: mark.version.label.casefold())
    return ModelMap(tuple(in_order), tuple(key), plane_share(placed), drawing.height)


def _speciality(version: ModelVersion) -> str:
    topics = list(version.model.topics.all())
    return topics[0].name if topics else ""


def _shapes(fields: Sequence[str]) -> dict[str, int]:
    """A shape for each of the specialities that most models have."""
    common = Counter(field for field in fields if field)
    ranked = sorted(common, key=lambda field: (-common[field], field))
    return {field: number for number, field in enumerate(ranked[: SHAPES - 1], start=1)}


def _nearest(
    placed: NDArray[np.float64], versions: Sequence[ModelVersion]
) -> list[tuple[LikeModel, ...]]:
    """Each model's nearest others, in all the dimensions that there are."""
    squares = np.square(placed).sum(1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * placed @ placed.T, 0.0))
    np.fill_diagonal(apart, np.inf)
    order = np.argsort(apart, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(versions) - 1)]
    return [
        tuple(LikeModel(versions[other], float(apart[row, other])) for other in near)
        for row, near in enumerate(order)
    ]
