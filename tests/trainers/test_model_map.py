"""Where models lie: distances are differences of expected scores, and maps stay where they were."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trainers.embeddings import write_embedding
from trainers.model_map import (
    align_plane,
    behaviour_metric,
    coordinates,
    fit_map_transform,
    plane_share,
    read_map,
)

Floats = NDArray[np.float64]


def sigmoid(logits: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-logits))


@pytest.fixture
def world() -> tuple[Floats, Floats, float]:
    """Features of prompts that vary in few directions, models that differ in all."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(400, 6)) * [1.0, 0.8, 0.5, 0.3, 0.1, 0.0]
    return features, rng.normal(size=(9, 6)) * 0.5, 0.3


def distances(points: Floats) -> Floats:
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=-1))


def test_the_metric_is_the_mean_of_squared_slopes_and_features(world) -> None:
    features, vectors, offset = world
    naive = np.zeros((6, 6))
    for z in features:
        probability = sigmoid(vectors @ z + offset)
        slope = probability * (1 - probability)
        naive += np.mean(slope**2) * np.outer(z, z) / len(features)
    np.testing.assert_allclose(behaviour_metric(features, vectors, offset), naive, atol=1e-12)


def test_distances_are_those_of_the_metric(world) -> None:
    features, vectors, offset = world
    metric = behaviour_metric(features, vectors, offset)
    gaps = vectors[:, None] - vectors[None]
    naive = np.sqrt(np.einsum("abi,ij,abj->ab", gaps, metric, gaps))
    placed = coordinates(vectors, metric)
    np.testing.assert_allclose(distances(placed), naive, atol=1e-9)
    assert np.all(np.diff(np.square(placed).sum(0)) < 1e-12)  # the widest axis first
    assert 0 < plane_share(placed) < 1


def test_a_distance_is_the_difference_of_expected_scores(world) -> None:
    features, vectors, offset = world
    scores = sigmoid(features @ vectors.T + offset)
    true = np.sqrt(np.square(scores[:, :, None] - scores[:, None, :]).mean(0))
    near = distances(coordinates(vectors, behaviour_metric(features, vectors, offset)))
    assert np.abs(near - true).max() < 0.05  # the first order of it, at gaps of up to 0.5
    assert np.corrcoef(near[np.triu_indices(9, 1)], true[np.triu_indices(9, 1)])[0, 1] > 0.98


def test_what_no_prompt_asks_about_keeps_nobody_apart(world) -> None:
    features, vectors, offset = world
    twin = np.add(vectors[:1], [[0, 0, 0, 0, 0, 50.0]])
    both = np.concatenate([vectors, twin])
    placed = coordinates(both, behaviour_metric(features, both, offset))
    assert distances(placed)[0, -1] < 1e-6


def test_the_same_vectors_give_the_same_map_and_new_ones_are_turned_to_it(world) -> None:
    features, vectors, offset = world
    metric = behaviour_metric(features, vectors, offset)
    old = coordinates(vectors, metric)
    np.testing.assert_array_equal(old, coordinates(vectors, metric))
    mirrored = old * np.where(np.arange(6) == 1, -1.0, 1.0)
    angle = np.array([[0.0, 1.0], [-1.0, 0.0]])
    mirrored[:, :2] = mirrored[:, :2] @ angle
    back = align_plane(mirrored, np.arange(9), old[:, :2])
    np.testing.assert_allclose(back, old, atol=1e-9)
    some = align_plane(mirrored, np.array([1, 4, 6]), old[[1, 4, 6], :2])
    np.testing.assert_allclose(some, old, atol=1e-9)
    np.testing.assert_allclose(distances(some), distances(old), atol=1e-9)


@pytest.mark.parametrize(("models", "size"), [(9, 6), (3, 6), (2, 6), (1, 6), (4, 1)])
@pytest.mark.parametrize("is_turned", [False, True])
def test_who_joins_later_stands_where_the_metric_says_and_moves_nobody(
    tmp_path: Path, models: int, size: int, is_turned: bool
) -> None:
    rng = np.random.default_rng(models)
    vectors, joined = rng.normal(size=(models, size)), rng.normal(size=(3, size))
    half = rng.normal(size=(size, size))
    names = [f"m{number}" for number in range(models)]
    artifact = write_embedding(
        tmp_path / "e", models=names, vectors=vectors, projection=np.eye(size), metric=half @ half.T
    )
    placed = read_map(artifact.path).coordinates
    if is_turned:
        placed[:, :2] = placed[:, :2] @ np.array([[0.0, -1.0], [1.0, 0.0]])
    stored = placed.astype(np.float32).astype(np.float64)  # as the database keeps them
    transform = fit_map_transform(artifact.path, dict(zip(names, stored, strict=True)))
    np.testing.assert_allclose(transform.coordinates(vectors), placed, atol=1e-5)
    together = np.concatenate([placed, transform.coordinates(joined)])
    everyone = np.concatenate([vectors, joined])
    for one in range(len(everyone)):
        for other in range(len(everyone)):
            gap = everyone[one] - everyone[other]
            naive = sum(
                gap[i] * (half @ half.T)[i, j] * gap[j] for i in range(size) for j in range(size)
            )
            apart = np.linalg.norm(together[one] - together[other])
            assert apart == pytest.approx(naive**0.5, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("models", [1, 2, 3])
def test_few_models_have_a_place(models: int) -> None:
    vectors = np.arange(models * 5.0).reshape(models, 5)
    placed = coordinates(vectors, np.eye(5))
    assert placed.shape == (models, 5)
    np.testing.assert_allclose(distances(placed), distances(vectors), atol=1e-9)
    assert plane_share(placed) == pytest.approx(1.0)


def test_one_number_a_model_is_a_line_on_the_plane() -> None:
    placed = coordinates(np.array([[1.0], [4.0]]), np.array([[4.0]]))
    np.testing.assert_allclose(np.abs(placed), [[3.0, 0.0], [3.0, 0.0]])


def test_equal_models_share_one_point() -> None:
    placed = coordinates(np.ones((5, 3)), np.eye(3))
    assert np.all(placed == 0.0)
    assert plane_share(placed) == 1.0


def test_no_torch_is_loaded() -> None:
    code = "import sys, trainers.model_map; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
