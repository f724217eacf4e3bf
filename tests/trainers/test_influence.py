"""Who is first, and how few judgments hold them there: against every subset, and on real votes."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from trainers.ranking import PairCounts, fit
from trainers.ranking.bradley_terry import strengths
from trainers.ranking.influence import fewest_to_unseat, without

Vote = tuple[str, str, str]


def league(seed: int, *, models: int, games: int) -> list[Vote]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 0.5, models)
    votes = []
    for _ in range(games):
        i, j = rng.choice(models, 2, replace=False)
        won = rng.random() < 1 / (1 + np.exp(truth[j] - truth[i]))
        choice = "tie" if rng.random() < 0.1 else "a" if won else "b"
        votes.append((f"m{i}", f"m{j}", choice))
    return votes


def counted(votes: list[Vote]) -> PairCounts:
    return PairCounts.from_rows((*vote, n) for vote, n in sorted(Counter(votes).items()))


def fewest_by_trying_all(counts: PairCounts) -> int:
    """The fewest, up to half, that let another model be first or level: every set is tried.

    Judgments of one cell are alike, so a set is how many of each cell.
    """
    r = strengths(counts).r
    leader, best = int(r.argmax()), 0
    for numbers in itertools.product(*(range(int(n) + 1) for n in counts.n)):
        size = sum(numbers)
        if 0 < size <= counts.n.sum() / 2 and not 0 < best <= size:
            r = strengths(without(counts, [(i, k) for i, k in enumerate(numbers) if k])).r
            if np.delete(r, leader).max() >= r[leader] - 1e-9:
                best = size
    return best


def test_it_finds_what_trying_every_set_finds() -> None:
    leagues = [counted(league(seed, models=3, games=18)) for seed in range(14)]
    found = [fewest_to_unseat(counts).dropped for counts in leagues]
    assert found == [fewest_by_trying_all(counts) for counts in leagues]


def test_what_it_names_does_unseat_the_leader() -> None:
    votes = league(11, models=8, games=3000)
    counts = counted(votes)
    found = fewest_to_unseat(counts)
    assert fit(counts)[0].model == found.leader
    assert 0 < found.dropped < 1500
    assert sum(number for _, number in found.cells) == found.dropped
    ratings = {row.model: row.rating for row in fit(without(counts, list(found.cells)))}
    assert ratings[found.challenger] >= ratings[found.leader] - 1e-6
    last, number = found.cells[-1]
    fewer = [*found.cells[:-1], (last, number - 1)]
    ratings = {row.model: row.rating for row in fit(without(counts, fewer))}
    assert ratings[found.leader] > ratings[found.challenger]


def test_a_lead_that_half_the_judgments_cannot_turn_is_said_to_be_one() -> None:
    found = fewest_to_unseat(PairCounts.from_rows([("a", "b", "a", 90), ("a", "b", "b", 5)]))
    assert (found.leader, found.challenger, found.dropped, found.cells) == ("a", "", 0, ())


def test_the_cost_does_not_grow_with_the_judgments() -> None:
    """A hundred times the judgments in the same cells: the same cells, a hundred times as many."""
    rows = Counter(league(5, models=6, games=600))
    small = fewest_to_unseat(PairCounts.from_rows((*vote, n) for vote, n in rows.items()))
    large = fewest_to_unseat(PairCounts.from_rows((*vote, 100 * n) for vote, n in rows.items()))
    assert large.challenger == small.challenger
    assert large.dropped == pytest.approx(100 * small.dropped, abs=100)


def test_weights_count_as_so_many_judgments() -> None:
    rows = Counter(league(5, models=6, games=600))
    whole = PairCounts.from_rows((*vote, n) for vote, n in rows.items())
    light = PairCounts.from_weighted((*vote, n, 0.3 * n, 0.09 * n) for vote, n in rows.items())
    for one, other in zip(fit(whole), fit(light), strict=True):
        assert one.model == other.model
        assert (one.rating, one.ci_low, one.ci_high, one.n) == pytest.approx(
            (other.rating, other.ci_low, other.ci_high, other.n)
        )


def test_unequal_weights_widen_the_interval_as_a_reference_says() -> None:
    """One judgment of weight w twice over is not two: V = H⁻¹ (Σ w² (y-p)² u uᵀ) H⁻¹."""
    votes = league(3, models=3, games=120)
    weights = np.random.default_rng(3).uniform(0.1, 1, len(votes))
    cells: dict[Vote, list[float]] = {}
    for vote, weight in zip(votes, weights, strict=True):
        cells.setdefault(vote, []).append(weight)
    counts = PairCounts.from_weighted(
        (*vote, len(w), sum(w), sum(x * x for x in w)) for vote, w in cells.items()
    )
    found = strengths(counts)
    place = {model: i for i, model in enumerate(counts.models)}
    worth = {"a": 1.0, "b": 0.0, "tie": 0.5}
    h, s = np.zeros((3, 3)), np.zeros((3, 3))
    for (a, b, choice), w in zip(votes, weights, strict=True):
        u = np.zeros(3)
        u[place[a]], u[place[b]] = 1, -1
        p = 1 / (1 + np.exp(-u @ found.r))
        h += w * p * (1 - p) * np.outer(u, u)
        s += w**2 * (worth[choice] - p) ** 2 * np.outer(u, u)
    inverse = np.linalg.pinv(h)
    assert found.error == pytest.approx(np.sqrt(np.diag(inverse @ s @ inverse)), rel=1e-6)


def test_on_llmfao_a_handful_of_votes_decides(shared_data: Path) -> None:
    pairs = pq.read_table(shared_data / "llmfao_pairs.parquet").to_pandas()
    table = (
        pq.read_table(shared_data / "llmfao_votes.parquet").to_pandas().merge(pairs, on="pair_id")
    )
    choice = table["winner"].map({"left": "a", "right": "b", "tie": "tie"})
    counts = PairCounts.from_rows(
        (a, b, c, n)
        for (a, b, c), n in Counter(
            zip(table["model_left"], table["model_right"], choice, strict=True)
        ).items()
    )
    found = fewest_to_unseat(counts)
    assert 0 < found.dropped < 0.02 * counts.n.sum()
    ratings = {row.model: row.rating for row in fit(without(counts, list(found.cells)))}
    assert max(ratings, key=lambda model: ratings[model]) != found.leader or (
        ratings[found.challenger] == pytest.approx(ratings[found.leader])
    )
