"""The models that are shown, and the propensity that is logged with them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.routing.policy import EXPLORE_FLOOR, Policy, between, greedy, thompson


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


def test_between_two_keeps_the_share_and_a_floor() -> None:
    policy = between(1.0, floor=0.05)
    assert policy.single == pytest.approx([0.975, 0.025])
    assert policy.pairs[0, 1] == policy.pairs[1, 0] == pytest.approx(0.5)
    assert between(0.3, floor=0.05).single[0] == pytest.approx(0.95 * 0.3 + 0.025)


@pytest.mark.parametrize(
    "policy",
    [
        thompson(np.random.default_rng(3).normal(size=(1000, 9))),
        greedy(np.arange(9.0)),
        between(1.0),
    ],
)
def test_every_policy_keeps_its_floor_and_sums_to_what_is_shown(policy: Policy) -> None:
    models = policy.single.size
    assert policy.single.min() >= EXPLORE_FLOOR / models - 1e-12
    others = policy.pairs[~np.eye(models, dtype=bool)]
    assert others.min() >= EXPLORE_FLOOR / (models * (models - 1)) - 1e-12
    assert policy.single.sum() == pytest.approx(1, abs=1e-12)
    assert policy.pairs.sum() == pytest.approx(1, abs=1e-12)
    assert policy.shown(2).sum() == pytest.approx(2, abs=1e-12)


def test_what_is_logged_is_unbiased_however_few_draws_there_were() -> None:
    """E[1{model} / propensity] is 1 for each model: the propensity is that of the real choice."""
    rng = np.random.default_rng(11)
    weights = np.zeros(4)
    decisions = 40_000
    for _ in range(decisions):
        policy = thompson(rng.normal(size=(3, 4)) + np.arange(4) * 0.5, floor=0.2)
        chosen = policy.sample(1, rng)
        weights[chosen] += 1 / policy.propensity(chosen)
    np.testing.assert_allclose(weights / decisions, 1.0, atol=0.1)


def test_those_that_are_level_share_evenly() -> None:
    level = greedy(np.zeros(4), floor=0.0)
    assert level.single == pytest.approx([0.25] * 4)
    assert level.pairs == pytest.approx((1 - np.eye(4)) / 12)
    behind = greedy(np.array([1.0, 3.0, 1.0, 0.0]), floor=0.0)
    assert behind.single == pytest.approx([0, 1, 0, 0])
    assert behind.shown(2) == pytest.approx([0.5, 1, 0.5, 0])
    first = greedy(np.array([2.0, 2.0, 1.0]), floor=0.0)
    assert first.shown(2) == pytest.approx([1, 1, 0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=2, max_size=6))
def test_greedy_agrees_with_every_order_of_those_that_are_level(scores: list[int]) -> None:
    """Whoever sorts by score and breaks ties by chance: the mean over all orders of the models."""
    pairs = np.zeros((len(scores), len(scores)))
    orders = list(itertools.permutations(range(len(scores))))
    for order in orders:
        first, second = sorted(order, key=lambda model: -scores[model])[:2]
        pairs[first, second] += 0.5 / len(orders)
        pairs[second, first] += 0.5 / len(orders)
    np.testing.assert_allclose(greedy(np.array(scores, float), 0.0).pairs, pairs, atol=1e-12)
