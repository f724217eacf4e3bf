"""What stands beside a ranking: bootstrap, fit, transitivity, Elo."""

import evalica
import numpy as np
import pytest

from trainers.ranking import PairCounts, fit
from trainers.ranking.bootstrap import bootstrap, largest_gap
from trainers.ranking.bradley_terry import SCALE, hessian, inverse, strengths
from trainers.ranking.elo import K, elo, rate_in_order
from trainers.ranking.goodness_of_fit import goodness_of_fit

Row = tuple[str, str, str, float]


def league(rng: np.random.Generator, models: int, games: int) -> PairCounts:
    """Bradley–Terry with a third of the possible ties, each pair met alike."""
    truth, rows = np.linspace(-1, 1, models), []
    for i in range(models):
        for j in range(i):
            p = 1 / (1 + np.exp(truth[j] - truth[i]))
            t = 0.6 * min(p, 1 - p)
            drawn = rng.multinomial(games, [p - t / 2, 1 - p - t / 2, t])
            for choice, n in zip(("a", "b", "tie"), drawn.tolist(), strict=True):
                rows.append((f"m{i}", f"m{j}", choice, float(n)))
    return PairCounts.from_rows(rows)


def test_the_bootstrap_finds_the_intervals_of_the_sandwich() -> None:
    counts = league(np.random.default_rng(0), 6, 100)
    ratings = fit(counts)
    intervals = bootstrap(counts, np.random.default_rng(1), draws=1000)
    by_name = {each.model: each for each in intervals}
    for rating in ratings:
        drawn = by_name[rating.model]
        width = rating.ci_high - rating.ci_low
        assert drawn.ci_high - drawn.ci_low == pytest.approx(width, rel=0.12)
    assert largest_gap(intervals, ratings) < 8


def test_weights_widen_the_bootstrap_as_they_widen_the_sandwich() -> None:
    """Half of the judgments weigh a tenth: fewer judgments' worth, wider intervals."""
    rows = [("A", "B", "a", 100.0, 100.0, 100.0), ("A", "B", "b", 80.0, 80.0, 80.0)]
    light = [("A", "B", "tie", 100.0, 10.0, 1.0)]
    counts = PairCounts.from_weighted([*rows, *light])
    (first, _) = fit(counts)
    drawn = bootstrap(counts, np.random.default_rng(0), draws=2000)[0]
    assert drawn.ci_high - drawn.ci_low == pytest.approx(first.ci_high - first.ci_low, rel=0.15)


def test_a_league_in_which_the_model_is_true_fits() -> None:
    p_values = []
    for seed in range(20):
        found = goodness_of_fit(
            league(np.random.default_rng(seed), 7, 60), np.random.default_rng(seed)
        )
        assert found is not None
        assert found.pairs == 21
        p_values.append(found.p_value)
    assert 0.3 < np.mean(p_values) < 0.7
    assert sum(p <= 0.05 for p in p_values) <= 4


def test_stone_beats_scissors_beats_paper_does_not_fit() -> None:
    rows: list[Row] = []
    for a, b in (("stone", "scissors"), ("scissors", "paper"), ("paper", "stone")):
        rows += [(a, b, "a", 160), (a, b, "b", 40)]
    found = goodness_of_fit(PairCounts.from_rows(rows), np.random.default_rng(0))
    assert found is not None
    assert (found.triads, found.cyclic) == (1, 1)
    assert found.p_value < 0.02
    # Each pair: (160 - 100)² / (200 / 4) = 72.
    assert found.chi_square == pytest.approx(216)


def test_cyclic_triads_are_those_that_a_loop_finds() -> None:
    rng = np.random.default_rng(4)
    names = "ABCDEFG"
    beats = {}
    rows: list[Row] = []
    for i, a in enumerate(names):
        for b in names[:i]:
            wins = int(rng.integers(0, 21))
            beats[a, b], beats[b, a] = wins > 10, wins < 10
            rows += [(a, b, "a", wins), (b, a, "a", 20 - wins)]
    triads = cyclic = 0
    for i, a in enumerate(names):
        for j, b in enumerate(names[:i]):
            for c in names[:j]:
                sides = ((a, b), (b, c), (c, a))
                if all(beats[x, y] or beats[y, x] for x, y in sides):
                    triads += 1
                    cyclic += all(beats[s] for s in sides) or not any(beats[s] for s in sides)
    found = goodness_of_fit(PairCounts.from_rows(rows), rng, leagues=2)
    assert found is not None
    assert (found.triads, found.cyclic) == (triads, cyclic)


@pytest.mark.parametrize(
    "rows",
    [
        [("A", "B", "tie", 30.0)],
        [("A", "B", "a", 30.0), ("A", "C", "a", 30.0)],
        [("A", "B", "a", 9.0), ("C", "D", "b", 9.0)],
    ],
)
def test_ties_alone_a_perfect_winner_and_parted_groups_are_checked_too(rows: list[Row]) -> None:
    counts, rng = PairCounts.from_rows(rows), np.random.default_rng(0)
    found = goodness_of_fit(counts, rng, leagues=5)
    assert found is not None
    assert np.isfinite(found.chi_square)
    assert (found.triads, found.by_chance) == (0, None)
    assert all(np.isfinite(each.ci_low) for each in bootstrap(counts, rng, draws=5))
    assert all(np.isfinite(each.mean) for each in elo(counts, rng, orders=5))


def test_nothing_judged_has_nothing_to_check() -> None:
    nothing = PairCounts.from_rows([])
    assert goodness_of_fit(nothing, np.random.default_rng(0)) is None
    assert elo(nothing, np.random.default_rng(0)) == ()


def test_elo_of_one_order_is_that_of_evalica() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 5, 400)
    second = (first + rng.integers(1, 5, 400)) % 5
    score = rng.choice([1.0, 0.0, 0.5], 400)
    ours = rate_in_order(first[:, None], second[:, None], score[:, None], 5)[0]
    winners = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    theirs = evalica.elo(
        [str(i) for i in first], [str(j) for j in second], [winners[y] for y in score], k=K
    ).scores
    for index, rating in enumerate(ours.tolist()):
        assert rating == pytest.approx(theirs[str(index)], abs=1e-9)


def test_the_same_judgments_in_another_order_give_another_elo() -> None:
    """Two models as good as each other, 1,000 games: card 6 measured a spread of 7.8 with K = 1."""
    counts = PairCounts.from_rows([("A", "B", "a", 510), ("A", "B", "b", 490)])
    a, b = elo(counts, np.random.default_rng(0), orders=200)
    assert a.mean + b.mean == pytest.approx(2000)
    assert 5 < a.sd < 20
    assert a.sd == pytest.approx(b.sd)


def test_intervals_of_differences_cover_19_times_in_20() -> None:
    truth, inside = np.linspace(-1, 1, 6), []
    for seed in range(100):
        counts = league(np.random.default_rng(seed), 6, 40)
        found = strengths(counts)
        residual = counts.score - 1 / (1 + np.exp(found.r[counts.second] - found.r[counts.first]))
        bread = inverse(hessian(counts, found.r, 0.0))
        v = bread @ counts.laplacian(counts.square * residual**2) @ bread
        for i in range(6):
            for j in range(i):
                error = np.sqrt(v[i, i] + v[j, j] - 2 * v[i, j])
                gap = (found.r[i] - found.r[j]) - (truth[i] - truth[j])
                inside.append(abs(gap) <= 1.959964 * error)
    assert 0.93 <= np.mean(inside) <= 0.97
    assert pytest.approx(173.7178, abs=1e-4) == SCALE
