"""Dawid–Skene against a reference in plain loops, on simulated raters and on real votes."""

from math import exp, log
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from trainers.statistics.consensus import (
    ACCURACY_PRIOR,
    GROUP_ACCURACY,
    GROUP_PRIOR,
    MAX_ITERATIONS,
    RATER_PRIOR,
    SHARE_PRIOR,
    TOLERANCE,
    K,
    dawid_skene,
)

Vote = tuple[int, int, int]


def simulate(
    seed: int, *, items: int = 400, raters: int = 30, votes: int = 5
) -> tuple[np.ndarray, list[Vote], np.ndarray]:
    """Truths, votes, and how often each rater says the truth (the rest at random)."""
    rng = np.random.default_rng(seed)
    truths = rng.choice(K, size=items, p=[0.4, 0.35, 0.2, 0.05])
    skill = rng.uniform(0.1, 0.95, size=raters)
    found = []
    for item in range(items):
        for rater in rng.choice(raters, size=votes, replace=False):
            said = truths[item] if rng.random() < skill[rater] else rng.integers(K)
            found.append((item, int(rater), int(said)))
    return truths, found, skill


def reference(
    votes: list[Vote], groups: list[int], n_items: int
) -> tuple[list[list[float]], list[list[list[float]]]]:
    """Equations 2.3 to 2.5 with the same priors, vote by vote."""
    posterior = [[0.0] * K for _ in range(n_items)]
    for item, _, said in votes:
        posterior[item][said] += 1
    for row in posterior:
        total = sum(row)
        for k in range(K):
            row[k] = row[k] / total if total else 1 / K
    confusion, shares = maximise(posterior, votes, groups)
    for _ in range(MAX_ITERATIONS):
        updated = []
        for item in range(n_items):
            scores = [log(shares[k]) for k in range(K)]
            for voted, rater, said in votes:
                if voted == item:
                    for k in range(K):
                        scores[k] += log(confusion[rater][k][said])
            weights = [exp(score - max(scores)) for score in scores]
            updated.append([weight / sum(weights) for weight in weights])
        moved = max(
            abs(a - b)
            for new, old in zip(updated, posterior, strict=True)
            for a, b in zip(new, old, strict=True)
        )
        posterior = updated
        confusion, shares = maximise(posterior, votes, groups)
        if moved < TOLERANCE:
            break
    return posterior, confusion


def maximise(
    posterior: list[list[float]], votes: list[Vote], groups: list[int]
) -> tuple[list[list[list[float]]], list[float]]:
    counts = [[[0.0] * K for _ in range(K)] for _ in groups]
    pooled = [[[0.0] * K for _ in range(K)] for _ in range(max(groups) + 1)]
    for item, rater, said in votes:
        for k in range(K):
            counts[rater][k][said] += posterior[item][k]
            pooled[groups[rater]][k][said] += posterior[item][k]
    accuracies = [pool_group(matrix) for matrix in pooled]
    confusions = []
    for rater, matrix in enumerate(counts):
        accuracy = accuracies[groups[rater]]
        right = sum(matrix[k][k] for k in range(K)) + ACCURACY_PRIOR * accuracy
        own = right / (sum(map(sum, matrix)) + ACCURACY_PRIOR)
        better = own / (1 - own) / (accuracy / (1 - accuracy))
        rows = []
        for k, row in enumerate(matrix):
            group = pooled[groups[rater]][k]
            odds = better * group[k] / (1 - group[k])
            wrong = sum(group) - group[k]
            prior = [group[j] / wrong / (1 + odds) for j in range(K)]
            prior[k] = odds / (1 + odds)
            total = sum(row) + RATER_PRIOR
            rows.append([(row[j] + RATER_PRIOR * prior[j]) / total for j in range(K)])
        confusions.append(rows)
    shares = [sum(row[k] for row in posterior) + SHARE_PRIOR for k in range(K)]
    return confusions, [share / sum(shares) for share in shares]


def pool_group(matrix: list[list[float]]) -> float:
    """Smooth a group's pooled counts into rows that sum to one; returns its accuracy."""
    votes = sum(map(sum, matrix))
    right = sum(matrix[k][k] for k in range(K)) + GROUP_PRIOR * GROUP_ACCURACY
    accuracy = right / (votes + GROUP_PRIOR)
    for k, row in enumerate(matrix):
        for j in range(K):
            row[j] += GROUP_PRIOR * (accuracy if j == k else (1 - accuracy) / (K - 1))
        total = sum(row)
        row[:] = [value / total for value in row]
    return accuracy


def columns(votes: list[Vote]) -> tuple[list[int], list[int], list[int]]:
    items, raters, choices = zip(*votes, strict=True)
    return list(items), list(raters), list(choices)


def test_the_fast_path_equals_the_loops() -> None:
    _, votes, skill = simulate(1, items=40, raters=8, votes=4)
    groups = [rater % 2 for rater in range(len(skill))]
    posterior, confusion = reference(votes, groups, 41)
    found = dawid_skene(*columns(votes), n_items=41, rater_groups=groups)
    assert found.iterations < MAX_ITERATIONS
    np.testing.assert_allclose(found.posteriors, posterior, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.confusions, confusion, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_unequal_raters_are_weighed_better_than_a_majority_counts_them(seed: int) -> None:
    truths, votes, skill = simulate(seed, items=1500, raters=60)
    items, raters, choices = columns(votes)
    found = dawid_skene(
        items, raters, choices, n_items=len(truths), rater_groups=np.zeros(len(skill))
    )
    counts = np.zeros((len(truths), K))
    np.add.at(counts, (items, choices), 1)
    majority = np.mean(counts.argmax(axis=1) == truths)
    assert np.mean(found.posteriors.argmax(axis=1) == truths) > majority + 0.02
    assert np.corrcoef(found.reliabilities, skill)[0, 1] > 0.9


def test_posteriors_mean_what_they_say() -> None:
    truths, votes, skill = simulate(3, items=3000, raters=60)
    found = dawid_skene(*columns(votes), n_items=len(truths), rater_groups=np.zeros(len(skill)))
    sure = found.posteriors.max(axis=1)
    right = found.posteriors.argmax(axis=1) == truths
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        band = (sure >= low) & (sure < high)
        assert right[band].mean() == pytest.approx(sure[band].mean(), abs=0.07)


def test_a_rater_with_two_votes_stays_near_the_group() -> None:
    truths, votes, skill = simulate(4)
    newcomer = len(skill)
    votes += [(0, newcomer, int(truths[0])), (1, newcomer, int(truths[1]))]
    found = dawid_skene(*columns(votes), n_items=len(truths), rater_groups=np.zeros(newcomer + 1))
    assert abs(found.reliabilities[newcomer] - np.average(found.reliabilities[:newcomer])) < 0.2


def test_people_and_judges_have_priors_of_their_own() -> None:
    truths, votes, skill = simulate(5, raters=20)
    judge, person = len(skill), len(skill) + 1
    votes += [(item, judge, int((truths[item] + 1) % K)) for item in range(len(truths))]
    groups = [0] * len(skill) + [1, 0]
    found = dawid_skene(*columns(votes), n_items=len(truths), rater_groups=groups)
    assert found.reliabilities[judge] < 0.2
    assert found.reliabilities[person] > 0.4


def test_an_item_without_votes_has_the_shares_of_all() -> None:
    found = dawid_skene([0], [0], [2], n_items=2, rater_groups=[0])
    np.testing.assert_allclose(found.posteriors[1], found.shares, atol=0.05)


def test_no_votes_at_all_is_no_error() -> None:
    found = dawid_skene([], [], [], n_items=0, rater_groups=[])
    assert found.posteriors.shape == (0, K)


def test_a_choice_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.\.3"):
        dawid_skene([0], [0], [4], n_items=1, rater_groups=[0])


def test_real_votes_that_were_held_out_are_foretold_better_than_by_counting(
    shared_data: Path,
) -> None:
    table = pq.read_table(shared_data / "ukpconv_votes.parquet")
    items = table["pair_id"].combine_chunks().dictionary_encode()
    raters = table["annotator_id"].combine_chunks().dictionary_encode()
    names = {"a1": 0, "a2": 1, "equal": 2}
    votes = np.column_stack(
        [items.indices, raters.indices, [names[value] for value in table["value"].to_pylist()]]
    )
    held_out = np.arange(len(votes)) % 7 == 0
    item, rater, choice = votes[~held_out].T
    found = dawid_skene(
        item,
        rater,
        choice,
        n_items=len(items.dictionary),
        rater_groups=np.zeros(len(raters.dictionary)),
    )
    item_out, rater_out, choice_out = votes[held_out].T
    chance = np.einsum("vk,vkj->vj", found.posteriors[item_out], found.confusions[rater_out])

    counts = np.zeros((len(items.dictionary), K))
    np.add.at(counts, (item, choice), 1)
    smoothed = counts + np.bincount(choice, minlength=K) / len(choice) + 1e-3
    counted = (smoothed / smoothed.sum(axis=1, keepdims=True))[item_out]

    def log_loss(chances: np.ndarray) -> float:
        return float(-np.log(chances[np.arange(len(choice_out)), choice_out]).mean())

    assert log_loss(chance) < log_loss(counted) - 0.05
