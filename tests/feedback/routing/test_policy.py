"""The models that are shown, and the propensity that is logged with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.routing.policy import greedy, thompson


def naive_thompson(draws: np.ndarray, floor: float) -> np.ndarray:
    """Every ordered pair of draws, one by one, shown in either order with the same chance."""
    count, models = draws.shape
    pairs = np.zeros((models, models))
    for one in draws:
        first = max(range(models), key=lambda i: one[i])
        for other in draws:
            rest = [j for j in range(models) if j != first]
            second = max(rest, key=lambda j: other[j])
            pairs[first, second] += (1 - floor) / count**2 / 2
            pairs[second, first] += (1 - floor) / count**2 / 2
    for i in range(models):
        for j in range(models):
            if i != j:
                pairs[i, j] += floor / (models * (models - 1))
    return pairs


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_thompson_agrees_with_every_pair_of_draws(
    models: int, count: int, floor: float, seed: int
) -> None:
    draws = np.random.default_rng(seed).normal(size=(count, models))
    policy = thompson(draws, floor)
    np.testing.assert_allclose(policy.pairs, naive_thompson(draws, floor), atol=1e-12)
    assert policy.shown(1).sum() == pytest.approx(1)
    assert policy.shown(2).sum() == pytest.approx(2)


def test_a_model_never_meets_itself() -> None:
    draws = np.random.default_rng(0).normal(size=(50, 4))
    assert np.all(np.diag(thompson(draws).pairs) == 0)


def test_every_pair_keeps_a_floor_even_when_nothing_is_in_doubt() -> None:
    policy = greedy(np.arange(5.0), floor=0.05)
    assert policy.pairs[4, 3] == policy.pairs[3, 4] == pytest.approx(0.95 / 2 + 0.05 / 20)
    assert policy.pairs[0, 1] == pytest.approx(0.05 / 20)
    assert policy.single[4] == pytest.approx(0.95 + 0.01)


def test_position_says_nothing_about_the_score() -> None:
    pairs = thompson(np.random.default_rng(1).normal(size=(99, 5)) + np.arange(5)).pairs
    np.testing.assert_allclose(pairs, pairs.T)


def test_one_model_alone_is_shown_for_certain() -> None:
    policy = thompson(np.zeros((3, 1)))
    assert policy.sample(1, np.random.default_rng(0)) == (0,)
    assert policy.propensity((0,)) == 1.0


@pytest.mark.parametrize("k", [1, 2])
def test_models_are_shown_as_often_as_their_propensity_says(k: int) -> None:
    rng = np.random.default_rng(7)
    policy = thompson(rng.normal(size=(200, 4)) + np.arange(4) * 0.5)
    seen = np.zeros((4,) * k)
    for _ in range(20_000):
        seen[policy.sample(k, rng)] += 1
    expected = policy.single if k == 1 else policy.pairs
    np.testing.assert_allclose(seen / 20_000, expected, atol=0.015)
