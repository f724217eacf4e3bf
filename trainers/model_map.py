"""Where language models lie with respect to each other: near means "does well on the same prompts".

Two vectors p_m, p_n of an embedding may differ much in a direction that no prompt asks about, and
their cosine says nothing about scores. What counts is what they predict. A model's logit on a
prompt with features z is z . p + c0, so to first order expected scores differ there by
sigma'(s) z . (p_m - p_n), and over the training prompts their root mean square difference is

    d(m, n)^2 = (p_m - p_n)^T G (p_m - p_n),      G = E_z [ E_m[sigma'(s_m(z))^2] z z^T ]

in units of a score: 0.07 is seven points a prompt. The coordinates below are the vectors in this
metric, turned to their principal axes (classical scaling: Torgerson 1952, Gower 1966). So the
Euclidean distance of two rows is d, and the first two columns are the plane that shows most of it.
Numpy only: a promotion computes them once. A model that joins later is put beside them (`Ground`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from trainers.arrays import Floats, Ints
from trainers.model_vectors.scorer import TENSORS, Scorer

PLANE = 2  # the columns that a map shows


@dataclass(frozen=True, slots=True)
class Placed:
    """Models (n), how often training saw each (n,), and their coordinates (n, k)."""

    models: list[str]
    seen: Ints
    coordinates: Floats


@dataclass(frozen=True, slots=True)
class Ground:
    """How a vector p (k,) of an embedding becomes a place on its map: (p - middle) axes.

    middle: (k,); axes: (k, max(k, 2)). Distances of places are d, whosever they are.
    """

    middle: Floats
    axes: Floats

    def places(self, vectors: Floats) -> Floats:
        """The coordinates of vectors (n, k), (n, max(k, 2))."""
        found: Floats = (vectors - self.middle) @ self.axes
        return found


def read_map(path: Path) -> Placed:
    """Where the models of an embedding artifact lie, without those that training never saw."""
    scorer, metric = _opened(path)
    rows = np.flatnonzero(scorer.counts > 0)
    placed = coordinates(scorer.vectors[rows], metric)
    return Placed([scorer.models[row] for row in rows], scorer.counts[rows], placed)


def fit_map_transform(path: Path, places: Mapping[str, Floats]) -> Ground:
    """The ground of an embedding artifact's map, from where its models stand on it.

    places: coordinates (max(k, 2),) by model, as `read_map` gave them, turned or not. Square
    roots of the metric differ by a rotation; the one that leads to these places is found as
    `align_plane` finds its own. Where fewer models stand than there are dimensions, it is one of
    several that keep all distances.
    """
    scorer, metric = _opened(path)
    own = [row for row, model in enumerate(scorer.models) if model in places]
    middle = scorer.vectors[scorer.counts > 0].mean(0)
    root = _root(metric)
    root = np.pad(root, ((0, 0), (0, max(0, PLANE - root.shape[1]))))
    stand = np.array([places[scorer.models[row]] for row in own]).reshape(len(own), -1)
    return Ground(middle, root @ _turn((scorer.vectors[own] - middle) @ root, stand))


def behaviour_metric(features: Floats, vectors: Floats, offset: float) -> Floats:
    """G, (k, k), of the prompts' features z (n, k), the models' vectors (M, k) and c0."""
    tanh = np.tanh(0.5 * (features @ vectors.T + offset))
    slopes = 0.25 * (1.0 - tanh**2)  # sigma'
    weights = np.square(slopes).mean(1) / len(features)
    metric: Floats = (features * weights[:, None]).T @ features
    return metric


def coordinates(vectors: Floats, metric: Floats) -> Floats:
    """The models (M, k) on their principal axes, centred, (M, max(k, 2)); widest axis first.

    metric: (k, k), symmetric and not negative. An axis points to where its outermost model lies,
    so the same vectors give the same coordinates. Axes along which nothing varies are zero.
    """
    spread = (vectors - vectors.mean(0)) @ _root(metric)
    left, singular, _ = np.linalg.svd(spread, full_matrices=False)
    axes = left * singular
    outermost = axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]
    found = np.zeros((len(vectors), max(vectors.shape[1], PLANE)))
    found[:, : axes.shape[1]] = np.where(outermost < 0, -axes, axes)
    return found


def align_plane(placed: Floats, own: Ints, before: Floats) -> Floats:
    """The same coordinates (M, k), their plane turned to resemble an earlier map.

    own: (n,) rows that the earlier map had too; before: (n, 2) where these lay. Turning and
    mirroring change no distance, so people find models where they were. Orthogonal Procrustes:
    the R that minimises |X R - Y|_F is U V^T of X^T Y = U S V^T (Schönemann 1966).
    """
    now = placed[own, :PLANE]
    turned = placed.copy()
    turn = _turn(now - now.mean(0), before - before.mean(0))
    turned[:, :PLANE] = placed[:, :PLANE] @ turn
    return turned


def plane_share(placed: Floats) -> float:
    """How much of the squared differences between models (M, k) the plane shows, in [0, 1]."""
    variances = np.square(placed - placed.mean(0)).sum(0)
    total = float(variances.sum())
    return float(variances[:PLANE].sum()) / total if total > 0.0 else 1.0


def _opened(path: Path) -> tuple[Scorer, Floats]:
    """An embedding artifact and its metric G, (k, k)."""
    scorer = Scorer.load(path)
    return scorer, load_file(path / TENSORS)["metric"].astype(np.float64)


def _root(metric: Floats) -> Floats:
    """L of G = L L^T, (k, k)."""
    values, directions = np.linalg.eigh(metric)
    root: Floats = directions * np.sqrt(np.maximum(values, 0.0))
    return root


def _turn(now: Floats, before: Floats) -> Floats:
    """The orthogonal R, (w, w), that brings the points (n, w) nearest to what they were."""
    left, _, right = np.linalg.svd(now.T @ before)
    turn: Floats = left @ right
    return turn
