"""Which pairs share a step and which sequences go together, against what is plainly counted."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.tuning.batches import buckets, epoch_order, split_to_fit


def dense(prompts: int, answers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of every prompt's answers."""
    pairs = [
        (prompt * answers + a, prompt * answers + b, prompt)
        for prompt in range(prompts)
        for a, b in itertools.combinations(range(answers), 2)
    ]
    first, second, prompt = np.array(pairs).T
    return first, second, prompt


def reads(first: np.ndarray, second: np.ndarray, order: np.ndarray, batch: int) -> int:
    """Answers read in an epoch when each is read once a batch."""
    parts = [order[start : start + batch] for start in range(0, len(order), batch)]
    return sum(len(set(first[part]) | set(second[part])) for part in parts)


@pytest.mark.parametrize("pairs_per_group", [1, 4, 16, 1000])
def test_an_epoch_takes_every_pair_once_and_each_seed_its_own_order(pairs_per_group: int) -> None:
    first, second, prompt = dense(5, 9)
    orders = [epoch_order(first, second, prompt, pairs_per_group, [0, epoch]) for epoch in range(3)]
    for order in orders:
        assert sorted(order) == list(range(len(first)))
    assert not np.array_equal(orders[0], orders[1])
    assert np.array_equal(orders[2], epoch_order(first, second, prompt, pairs_per_group, [0, 2]))


def test_pairs_that_share_answers_share_steps() -> None:
    """32 topics of 33 arguments: the shape of UKPConvArg."""
    first, second, prompt = dense(32, 33)
    found = {
        size: reads(first, second, epoch_order(first, second, prompt, size, [0, 0]), 32)
        for size in (1, 8, 32)
    }
    assert found[1] > 1.8 * len(first)  # by themselves pairs hardly ever share
    assert found[8] < 0.8 * found[1]
    assert found[32] < 0.45 * found[1]


def test_pairs_that_share_nothing_are_simply_shuffled() -> None:
    first = np.arange(0, 400, 2)
    order = epoch_order(first, first + 1, np.arange(200), 8, [0, 0])
    assert sorted(order) == list(range(200))
    assert abs(np.corrcoef(order, np.arange(200))[0, 1]) < 0.25


def test_two_prompts_may_share_an_answer() -> None:
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    order = epoch_order(first, second, np.array([0, 1, 1]), 2, [0, 0])
    assert sorted(order) == [0, 1, 2]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9), st.integers(0, 80))
def test_buckets_are_the_cheapest_of_all_divisions(lengths: list[int], overhead: int) -> None:
    def cost(groups: list[list[int]]) -> int:
        return sum(max(group) * len(group) + overhead for group in groups)

    found = buckets(np.array(lengths), overhead)
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    ordered = sorted(lengths, reverse=True)
    best = min(
        cost([ordered[a:b] for a, b in itertools.pairwise([0, *cuts, len(ordered)])])
        for size in range(len(ordered))
        for cuts in itertools.combinations(range(1, len(ordered)), size)
    )
    assert cost([[lengths[row] for row in group] for group in found]) == best


def test_parts_hold_what_memory_holds_and_leave_no_pair_out() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(5, 100, 40)
    first, second = random.integers(0, 40, (2, 200))
    for most in (1, 150, 1000, 10**9):
        parts = list(split_to_fit(first, second, lengths, most))
        assert [part.start for part in parts] == [0, *[part.stop for part in parts[:-1]]]
        assert parts[-1].stop == 200
        for part in parts:
            read = set(first[part]) | set(second[part])
            assert sum(lengths[list(read)]) <= most or part.stop - part.start == 1
    assert len(list(split_to_fit(first, second, lengths, 10**9))) == 1
