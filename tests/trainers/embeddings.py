"""Embedding artifacts of made-up numbers, through the trainers' own writer."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from trainers.artifacts import Artifact, write_artifact
from trainers.model_vectors.features import FeatureMap
from trainers.model_vectors.scorer import LAYOUT, TENSORS


def write_embedding(
    folder: Path,
    *,
    models: list[str],
    vectors: np.ndarray,
    projection: np.ndarray | FeatureMap,
    fingerprint: str = "",
    counts: list[int] | None = None,
    metric: np.ndarray | None = None,
) -> Artifact:
    """Models (M,) with vectors (M, k), seen so often, or each well known; distances by the metric.

    They read questions (d,) through a projection (k, d), or any other features of them.
    """
    count, size = vectors.shape
    if not isinstance(projection, FeatureMap):
        dimension = projection.shape[1]
        projection = FeatureMap.linear(dimension).then(projection, np.zeros(size))
    arrays = {
        "models": vectors,
        "covariance": np.tile(np.eye(size) * 0.01, (count, 1, 1)),
        "prior_mean": np.zeros(size),
        "prior_variance": np.ones(size),
        "prior_covariance": np.eye(size),
        "metric": np.eye(size) if metric is None else metric,
        "c0": np.array(0.0),
        **projection.tensors(),
    }
    tensors = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    tensors["counts"] = np.array(counts or [500] * count)
    card = {
        "layout": LAYOUT,
        "config": {},
        "models": models,
        "families": models,
        "encoder": {"name": "e", "fingerprint": fingerprint},
    }
    return write_artifact(
        folder,
        kind="embedding",
        card_fields=card,
        write_files=lambda aside: save_file(tensors, aside / TENSORS),
    )
