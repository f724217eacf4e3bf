"""Measures against naive references in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.statistics.measures import (
    auc,
    bootstrap_intervals,
    calibration_error,
    cluster_means,
    fit_temperature,
    mean,
    row_accuracy,
    row_log_loss,
    with_intervals,
)

rows = st.lists(
    st.tuples(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0]), st.floats(0, 1), st.integers(0, 3)),
    min_size=1,
    max_size=25,
)


def naive_auc(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    won = whole = 0.0
    for s, y, w in zip(scores, labels, weights, strict=True):
        for t, z, v in zip(scores, labels, weights, strict=True):
            pair = w * y * v * (1 - z)
            whole += pair
            won += pair * (1.0 if s > t else 0.5 if s == t else 0.0)
    return won / whole if whole else 0.5


@given(rows)
def test_auc_equals_the_count_over_all_pairs(table: list[tuple[float, float, int]]) -> None:
    scores, labels, weights = (np.array(column, float) for column in zip(*table, strict=True))
    found = auc(scores, labels)(weights)
    assert found == pytest.approx(naive_auc(scores, labels, weights), abs=1e-9)


def test_log_loss_is_exact_where_a_sigmoid_would_overflow() -> None:
    losses = row_log_loss(np.array([800.0, -800.0, 0.0]), np.array([0.0, 1.0, 0.3]))
    assert losses == pytest.approx([800.0, 800.0, np.log(2)])


def test_an_undecided_prediction_is_half_right() -> None:
    accuracy = row_accuracy(np.array([0.0, 1.0, -1.0, 2.0]), np.array([1.0, 1.0, 1.0, 0.25]))
    assert accuracy.tolist() == [0.5, 1.0, 0.0, 0.25]


def test_calibration_error_of_constant_confidence_is_its_distance_from_the_accuracy() -> None:
    logits = np.full(10, np.log(0.8 / 0.2))
    labels = np.array([1.0] * 6 + [0.0] * 4)
    assert calibration_error(logits, labels, np.ones(10)) == pytest.approx(0.2)


def test_calibration_error_is_the_same_when_the_sides_are_swapped() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=200), rng.integers(0, 2, 200).astype(float)
    swapped = calibration_error(-logits, 1 - labels, np.ones(200))
    assert calibration_error(logits, labels, np.ones(200)) == pytest.approx(swapped)


def test_the_temperature_is_the_best_on_a_fine_grid() -> None:
    rng = np.random.default_rng(2)
    gaps, weights = rng.normal(size=300) * 5, rng.random(300)
    labels = (rng.random(300) < 1 / (1 + np.exp(-gaps / 3.0))).astype(float)
    grid = np.geomspace(0.3, 30, 4001)
    losses = [mean(row_log_loss(gaps / t, labels), weights) for t in grid]
    best = grid[int(np.argmin(losses))]
    assert fit_temperature(gaps, labels, weights) == pytest.approx(best, rel=2e-3)


def test_gaps_that_mislead_get_probabilities_of_one_half() -> None:
    temperature = fit_temperature(np.array([1.0, 2.0]), np.array([0.0, 0.0]), np.ones(2))
    assert temperature == pytest.approx(1e3, rel=1e-3)


def test_the_interval_of_a_mean_is_that_of_independent_clusters() -> None:
    """300 clusters of 4 equal rows: the interval is that of 300 values, not of 1,200."""
    rng = np.random.default_rng(3)
    values = np.repeat(rng.normal(size=300), 4)
    clusters = np.repeat(np.arange(300), 4)
    low, high = bootstrap_intervals(
        lambda weights: {"mean": mean(values, weights)}, clusters, seed=0
    )["mean"]
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(300), rel=0.12)


def test_too_few_prompts_are_said_to_have_been_resampled_by_row() -> None:
    values = np.arange(20.0)

    def statistic(weights: np.ndarray) -> dict[str, float]:
        return {"mean": mean(values, weights)}

    assert with_intervals(statistic, np.repeat([0, 1], 10))["ci_by"] == "row"
    assert with_intervals(statistic, np.repeat(np.arange(10), 2))["ci_by"] == "prompt"


def test_means_by_cluster_equal_weighted_means_of_rows() -> None:
    rng = np.random.default_rng(4)
    cluster = rng.integers(0, 6, 50)
    cluster[:6] = range(6)
    values = {"x": rng.normal(size=50), "y": rng.random(50)}
    weights = rng.random(6)
    found = cluster_means(values, cluster)(weights)
    for name, column in values.items():
        assert found[name] == pytest.approx(mean(column, weights[cluster]))
