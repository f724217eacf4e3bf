"""Where language models lie with respect to each other: near means "does well on the same prompts".

Two vectors p_m, p_n of an embedding may differ much in a direction that no prompt asks about, and
their cosine says nothing about scores. What counts is what they predict. A model's logit on a
prompt with features z is z . p + c0, so to first order expected scores differ there by
sigma'(s) z . (p_m - p_n), and over the training prompts their root mean square difference is

    d(m, n)^2 = (p_m - p_n)^T G (p_m - p_n),      G = E_z [ E_m[sigma'(s_m(z))^2] z z^T ]

in units of a score: 0.07 is seven points a prompt. The coordinates below are the vectors in this
metric, turned to their principal axes (classical scaling: Torgerson 1952, Gower 1966). So the
Euclidean distance of two rows is d, and the first two columns are the plane that shows most of it.
Numpy only: a promotion computes them once. A model that joins later is put beside them by the
same map (`MapTransform`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from trainers.arrays import Floats, Ints
from trainers.model_vectors.scorer import TENSORS, Scorer

PLANE = 2  # the columns that a map shows


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMap:
    """Models [n], how many observations training had of each [n], and their coordinates [n, k]."""

    models: list[str]
    seen: Ints
    coordinates: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class MapTransform:
    """Maps a vector p [k] of an embedding to its coordinates: (p - centre) axes.

    centre: [k]; axes: [k, max(k, 2)]. Distances of coordinates are d, of trained models and new.
    """

    centre: Floats
    axes: Floats

    def coordinates(self, vectors: Floats) -> Floats:
        """Return the coordinates [n, max(k, 2)] of vectors [n, k]."""
        found: Floats = (vectors - self.centre) @ self.axes
        return found


def read_map(path: Path) -> ModelMap:
    """Return the map of an embedding artifact, without models that training never saw.

    Those stand at the prior: a place that says nothing of them.
    """
    scorer, metric = _opened(path)
    rows = np.flatnonzero(scorer.counts > 0)
    return ModelMap(
        models=[scorer.models[row] for row in rows],
        seen=scorer.counts[rows],
        coordinates=coordinates(scorer.vectors[rows], metric),
    )


def fit_map_transform(path: Path, stored: Mapping[str, Floats]) -> MapTransform:
    """Return the transform of an embedding artifact's map, from where its models stand on it.

    stored: coordinates [max(k, 2)] by model, as `read_map` gave them, turned or not. Square
    roots of the metric differ by a rotation; the one that leads to these coordinates is found by
    the Procrustes problem of `align_plane`. Where fewer models stand than there are dimensions,
    it is one of several that keep all distances.
    """
    scorer, metric = _opened(path)
    own = [row for row, model in enumerate(scorer.models) if model in stored]
    centre = scorer.vectors[scorer.counts > 0].mean(0)
    root = _root(metric)
    # A map has two columns, also of vectors with one entry.
    root = np.pad(root, ((0, 0), (0, max(0, PLANE - root.shape[1]))))
    targets = np.array([stored[scorer.models[row]] for row in own]).reshape(len(own), -1)
    rotation = _procrustes((scorer.vectors[own] - centre) @ root, targets)
    return MapTransform(centre=centre, axes=root @ rotation)


def behaviour_metric(features: Floats, vectors: Floats, offset: float) -> Floats:
    """Return G [k, k] of prompts' features z [n, k], models' vectors [M, k] and offset c0."""
    # sigma' by tanh: (1 - tanh^2(s / 2)) / 4, which neither overflows nor cancels.
    tanh = np.tanh(0.5 * (features @ vectors.T + offset))
    slopes = 0.25 * (1.0 - tanh**2)  # [n, M]
    # [n]; the square of sigma' weighs a prompt by how far scores can differ there
    weights = np.square(slopes).mean(1) / len(features)
    metric: Floats = (features * weights[:, None]).T @ features
    return metric


def coordinates(vectors: Floats, metric: Floats) -> Floats:
    """Return the models [M, k] on their principal axes, centred, [M, max(k, 2)]; widest first.

    metric: [k, k], symmetric and positive semidefinite. Axes along which nothing varies are zero.
    """
    # |d L|² = d G dᵀ: after this plain Euclidean distance is d of the module's text.
    spread = (vectors - vectors.mean(0)) @ _root(metric)
    left, singular, _ = np.linalg.svd(spread, full_matrices=False)
    axes = left * singular  # [M, min(M, k)], columns at right angles, widest first
    # The sign of a singular vector is arbitrary. An axis is made to point to where its outermost
    # model lies, so the same vectors give the same coordinates.
    outermost = axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]
    found = np.zeros((len(vectors), max(vectors.shape[1], PLANE)))
    found[:, : axes.shape[1]] = np.where(outermost < 0, -axes, axes)
    return found


def align_plane(coordinates: Floats, own: Ints, before: Floats) -> Floats:
    """Return the same coordinates [M, k], their plane turned to resemble an earlier map.

    own: [n] rows that the earlier map had too; before: [n, 2] where these lay. Turning and
    mirroring change no distance, so people find models where they were. Only the plane turns:
    a rotation of all dimensions would mix what is shown with what is not.
    """
    now = coordinates[own, :PLANE]  # [n, 2]
    aligned = coordinates.copy()
    # Centred for the fit alone: only the turn is wanted, and a shift changes no distance.
    rotation = _procrustes(now - now.mean(0), before - before.mean(0))
    aligned[:, :PLANE] = coordinates[:, :PLANE] @ rotation
    return aligned


def plane_share(coordinates: Floats) -> float:
    """Return the share of squared differences between models [M, k] that the plane shows."""
    variances = np.square(coordinates - coordinates.mean(0)).sum(0)
    total = float(variances.sum())
    return float(variances[:PLANE].sum()) / total if total > 0.0 else 1.0


def _opened(path: Path) -> tuple[Scorer, Floats]:
    """Return an embedding artifact's scorer and its metric G [k, k]."""
    scorer = Scorer.load(path)
    return scorer, load_file(path / TENSORS)["metric"].astype(np.float64)


def _root(metric: Floats) -> Floats:
    """Return L [k, k] of G = L L^T."""
    values, directions = np.linalg.eigh(metric)
    # float32 storage can leave an eigenvalue of nil a little below it.
    root: Floats = directions * np.sqrt(np.maximum(values, 0.0))
    return root


def _procrustes(points: Floats, targets: Floats) -> Floats:
    """Return the orthogonal R [w, w] that brings points [n, w] nearest to targets [n, w].

    The R that minimises |X R - Y|_F is U V^T of X^T Y = U S V^T (Schönemann, Psychometrika 31,
    1966). It may mirror: that keeps distances, too.
    """
    left, _, right = np.linalg.svd(points.T @ targets)
    rotation: Floats = left @ right
    return rotation
