"""The sequential test: its p-values in plain loops, its false alarms, its delay."""

import numpy as np
import pytest

from trainers.statistics.sequential import EXPONENTS, martingales, p_values


def reference_p(cells: list[int], choices: list[int], ties: list[float]) -> list[float]:
    found = []
    for now in range(len(cells)):
        bag = [choices[i] for i in range(now + 1) if cells[i] == cells[now]]
        own = bag.count(choices[now])
        rarer = sum(bag.count(one) < own for one in bag)
        equal = sum(bag.count(one) == own for one in bag)
        found.append((rarer + ties[now] * equal) / len(bag))
    return found


def pool(
    rng: np.random.Generator, *, raters: int, votes: int, cells: int, guessers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Raters in turn judge cells drawn at random; the first `guessers` choose evenly."""
    rater = rng.permutation(np.repeat(np.arange(raters), votes))
    cell = rng.integers(0, cells, len(rater))
    shares = rng.dirichlet([1.2, 0.8, 0.3, 0.1], cells)
    honest = (rng.random((len(rater), 1)) > shares[cell].cumsum(axis=1)).sum(axis=1).clip(0, 3)
    choice = np.where(rater < guessers, rng.integers(0, 4, len(rater)), honest)
    return cell, choice, rater, rng.uniform(1e-9, 1, len(rater))


def test_each_judgment_is_held_against_those_before_it() -> None:
    rng = np.random.default_rng(1)
    cells, choices = rng.integers(0, 5, 80), rng.integers(0, 4, 80)
    ties = rng.random(80)
    found = p_values(cells, choices, ties, n_choices=4)
    assert found == pytest.approx(reference_p(cells.tolist(), choices.tolist(), ties.tolist()))


def test_the_martingale_is_the_mean_of_the_products() -> None:
    p, raters = [0.2, 0.9, 0.05, 0.5], [0, 1, 0, 0]
    found = martingales(p, raters, n_raters=2, alpha=0.5)
    mine = [0.2, 0.05, 0.5]
    for place, length in ((0, 1), (2, 2), (3, 3)):
        products = [np.prod([e * x ** (e - 1) for x in mine[:length]]) for e in EXPONENTS]
        assert found.log_m[place] == pytest.approx(np.log(np.mean(products)))
    assert found.highest[1] == 0
    assert found.crossed.tolist() == [
        next((i for i in (0, 2, 3) if found.log_m[i] >= np.log(2)), -1),
        -1,
    ]


def test_honest_raters_raise_no_more_alarms_than_alpha() -> None:
    """At alpha = 0.05 for 4,000 raters: Ville's bound, plus four standard errors."""
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(20):
        cell, choice, rater, ties = pool(rng, raters=200, votes=60, cells=150, guessers=0)
        p = p_values(cell, choice, ties, n_choices=4)
        alarms += (martingales(p, rater, n_raters=200, alpha=0.05).crossed >= 0).sum()
    assert alarms / 4000 <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 4000)


def test_who_guesses_is_found() -> None:
    rng = np.random.default_rng(3)
    cell, choice, rater, ties = pool(rng, raters=100, votes=200, cells=100, guessers=10)
    found = martingales(p_values(cell, choice, ties, n_choices=4), rater, n_raters=100, alpha=0.001)
    assert (found.crossed[:10] >= 0).all()
    assert (found.crossed[10:] >= 0).sum() == 0
    for who in range(10):
        at = found.crossed[who]
        assert rater[at] == who
        assert (rater[:at] == who).sum() < 120


def test_nothing_judged_is_nothing_found() -> None:
    assert p_values([], [], [], n_choices=4).size == 0
    assert martingales([], [], n_raters=1, alpha=0.01).crossed.tolist() == [-1]
