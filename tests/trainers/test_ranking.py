"""Bradley–Terry against published tables, evalica, a naive reference, and by simulation."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import evalica
import numpy as np
import pyarrow.parquet as pq
import pytest

from trainers.ranking import ModelRating, PairCounts, fit
from trainers.ranking.bradley_terry import SCALE, rank_ranges, strengths
from trainers.statistics.intervals import Z

Row = tuple[str, str, str, float]

# The thirty judgments of evalica's own example, counted (Apache-2.0).
FOOD: list[Row] = [
    ("Burger", "Pasta", "b", 2),
    ("Burger", "Pizza", "a", 1),
    ("Burger", "Sushi", "b", 3),
    ("Burger", "Tacos", "a", 1),
    ("Pasta", "Pizza", "b", 1),
    ("Pasta", "Sushi", "b", 1),
    ("Pasta", "Tacos", "a", 1),
    ("Pasta", "Tacos", "b", 2),
    ("Pizza", "Burger", "b", 2),
    ("Pizza", "Pasta", "tie", 1),
    ("Pizza", "Sushi", "a", 2),
    ("Pizza", "Tacos", "b", 1),
    ("Sushi", "Burger", "a", 1),
    ("Sushi", "Burger", "b", 2),
    ("Sushi", "Pasta", "tie", 1),
    ("Sushi", "Tacos", "a", 1),
    ("Sushi", "Tacos", "b", 1),
    ("Tacos", "Burger", "a", 1),
    ("Tacos", "Pasta", "a", 2),
    ("Tacos", "Pizza", "a", 3),
]


def worths(rows: Iterable[Row]) -> dict[str, float]:
    """exp(r), of geometric mean 1, by model."""
    counts = PairCounts.from_rows(rows)
    r = strengths(counts).r
    return dict(zip(counts.models, np.exp(r - r.mean()).tolist(), strict=True))


def by_name(rows: Iterable[Row]) -> dict[str, ModelRating]:
    return {rating.model: rating for rating in fit(PairCounts.from_rows(rows))}


@pytest.fixture(scope="module")
def llmfao(shared_data: Path) -> list[tuple[str, str, str]]:
    """Every human vote, as (left model, right model, choice)."""
    pairs = pq.read_table(shared_data / "llmfao_pairs.parquet").to_pylist()
    sides = {pair["pair_id"]: (pair["model_left"], pair["model_right"]) for pair in pairs}
    choice = {"left": "a", "right": "b", "tie": "tie"}
    votes = pq.read_table(shared_data / "llmfao_votes.parquet").to_pylist()
    return [(*sides[vote["pair_id"]], choice[vote["winner"]]) for vote in votes]


def counted(votes: Iterable[tuple[str, str, str]]) -> PairCounts:
    return PairCounts.from_rows((*vote, number) for vote, number in Counter(votes).items())


# --- published values -----------------------------------------------------------------------


def test_the_worked_example_of_wikipedia() -> None:
    found = worths(
        [
            ("A", "B", "a", 2),
            ("A", "B", "b", 3),
            ("A", "D", "a", 1),
            ("A", "D", "b", 4),
            ("B", "C", "a", 5),
            ("B", "C", "b", 3),
            ("C", "D", "a", 1),
            ("C", "D", "b", 3),
        ]
    )
    expected = {"A": 0.640, "B": 1.043, "C": 0.660, "D": 2.270}
    assert found == pytest.approx(expected, abs=5e-4)


def test_the_food_table_of_evalica() -> None:
    found = worths(FOOD)
    whole = sum(found.values())
    expected = {
        "Tacos": 0.43429,
        "Sushi": 0.19060,
        "Burger": 0.14798,
        "Pasta": 0.12815,
        "Pizza": 0.09898,
    }
    assert {name: worth / whole for name, worth in found.items()} == pytest.approx(
        expected, abs=1e-5
    )


def test_real_votes_give_evalicas_golden_table(
    shared_data: Path, llmfao: list[tuple[str, str, str]]
) -> None:
    with (shared_data / "reference_tables" / "llmfao_golden_evalica.csv").open() as file:
        golden = {
            row["item"]: float(row["score"])
            for row in csv.DictReader(file)
            if row["algorithm"] == "bradley_terry"
        }
    counts = counted(llmfao)
    # The table's strengths sum to 1.
    worth = np.exp(strengths(counts).r)
    found = dict(zip(counts.models, worth / worth.sum(), strict=True))
    assert found == pytest.approx(golden, rel=1e-9)


def test_evalica_run_to_convergence_agrees(llmfao: list[tuple[str, str, str]]) -> None:
    winners = {"a": evalica.Winner.X, "b": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    result = evalica.bradley_terry(
        [left for left, _, _ in llmfao],
        [right for _, right, _ in llmfao],
        [winners[choice] for _, _, choice in llmfao],
        tolerance=1e-14,
        limit=10_000,
    )
    counts = counted(llmfao)
    theirs = np.log([result.scores[model] for model in counts.models])
    np.testing.assert_allclose(strengths(counts).r, theirs - theirs.mean(), rtol=0, atol=1e-10)


# --- against a naive reference --------------------------------------------------------------


def naive(rows: list[Row], models: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Strengths by Zermelo's iteration, sandwich variances by the textbook's dense sums."""
    size = len(models)
    wins = np.zeros((size, size))
    for a, b, choice, count in rows:
        i, j = models.index(a), models.index(b)
        score = {"a": 1.0, "b": 0.0}.get(choice, 0.5)
        wins[i, j] += count * score
        wins[j, i] += count * (1 - score)
    worth = np.ones(size)
    for _ in range(20_000):
        met = (wins + wins.T) / (worth[:, None] + worth[None, :])
        worth = wins.sum(axis=1) / met.sum(axis=1)
        worth /= np.exp(np.log(worth).mean())
    r = np.log(worth)
    hessian, scatter = np.zeros((size, size)), np.zeros((size, size))
    for a, b, choice, count in rows:
        u = np.zeros(size)
        u[models.index(a)], u[models.index(b)] = 1, -1
        p = 1 / (1 + np.exp(-u @ r))
        score = {"a": 1.0, "b": 0.0}.get(choice, 0.5)
        hessian += count * p * (1 - p) * np.outer(u, u)
        scatter += count * (score - p) ** 2 * np.outer(u, u)
    inverse = np.linalg.pinv(hessian)
    return r, np.diag(inverse @ scatter @ inverse)


def test_ratings_and_intervals_equal_the_naive_reference() -> None:
    rows = [(a, b, choice, 5 * count) for a, b, choice, count in FOOD]
    rows.append(("Pizza", "Burger", "both_bad", 4))
    models = sorted({row[0] for row in rows})
    r, variance = naive(rows, models)
    for index, model in enumerate(models):
        rating = by_name(rows)[model]
        half = Z * SCALE * np.sqrt(variance[index])
        assert rating.rating == pytest.approx(1000 + SCALE * r[index], abs=1e-6)
        assert rating.ci_low == pytest.approx(rating.rating - half, abs=1e-6)
        assert rating.ci_high == pytest.approx(rating.rating + half, abs=1e-6)


def test_an_interval_of_95_percent_covers_the_truth_19_times_in_20() -> None:
    truth = np.linspace(-1, 1, 6)
    names = [f"m{index}" for index in range(len(truth))]
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(150):
        rows = simulated_league(rng, truth, names, games=40)
        ratings = by_name(rows)
        for name, r in zip(names, truth, strict=True):
            inside.append(ratings[name].ci_low <= 1000 + SCALE * r <= ratings[name].ci_high)
    assert 0.93 <= np.mean(inside) <= 0.97


def simulated_league(
    rng: np.random.Generator, truth: np.ndarray, names: list[str], *, games: int
) -> list[Row]:
    """Every two models meet; a tie takes equally from wins and losses, so p stays the mean."""
    rows: list[Row] = []
    for i in range(len(names)):
        for j in range(i):
            p = 1 / (1 + np.exp(truth[j] - truth[i]))
            ties = 0.5 * min(p, 1 - p)
            drawn = rng.multinomial(games, [p - ties / 2, 1 - p - ties / 2, ties])
            for choice, count in zip(("a", "b", "tie"), drawn, strict=True):
                rows.append((names[i], names[j], choice, float(count)))
    return rows


# --- data without a maximum -----------------------------------------------------------------


def test_a_perfect_winner_has_a_finite_rating_and_a_wide_interval() -> None:
    ratings = by_name([("A", "B", "a", 10), ("B", "C", "a", 6), ("B", "C", "b", 6)])
    assert [ratings[name].rank_low for name in "ABC"] == [1, 2, 2]
    assert 1000 < ratings["A"].rating < 2000
    assert ratings["A"].ci_high - ratings["A"].ci_low > 300


def test_a_longer_winning_streak_says_more() -> None:
    short = by_name([("A", "B", "a", 2)])["A"]
    long = by_name([("A", "B", "a", 50)])["A"]
    assert long.rating > short.rating
    assert short.ci_low < 1000 < long.ci_low


def test_groups_that_never_met_stay_comparable_only_widely() -> None:
    ratings = by_name([("A", "B", "a", 9), ("A", "B", "b", 1), ("C", "D", "a", 1)])
    assert all(np.isfinite(rating.rating) for rating in ratings.values())
    assert (ratings["C"].rank_low, ratings["C"].rank_high) == (1, 4)


def test_one_tie_leaves_both_models_anywhere() -> None:
    for rating in by_name([("A", "B", "tie", 1)]).values():
        assert rating.rating == pytest.approx(1000)
        assert rating.ci_high - rating.ci_low > 400


def test_ties_and_both_bad_count_alike() -> None:
    rows = [("A", "B", "a", 5), ("B", "A", "a", 3)]
    tie, bad = (by_name([*rows, ("A", "B", choice, 4)]) for choice in ("tie", "both_bad"))
    assert tie == bad


def test_the_order_of_the_sides_does_not_matter() -> None:
    turned = {"a": "b", "b": "a", "tie": "tie"}
    swapped = [(b, a, turned[choice], count) for a, b, choice, count in FOOD]
    for name, rating in by_name(FOOD).items():
        assert by_name(swapped)[name].rating == pytest.approx(rating.rating, abs=1e-9)


def test_nothing_judged_ranks_nothing() -> None:
    assert fit(PairCounts.from_rows([])) == ()
    assert fit(PairCounts.from_rows([("A", "A", "tie", 3)])) == ()


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown choice 'left'"):
        PairCounts.from_rows([("A", "B", "left", 1)])


# --- ranks ----------------------------------------------------------------------------------


def test_rank_ranges_follow_from_intervals_that_do_not_touch() -> None:
    low = np.array([90.0, 80.0, 10.0, 12.0])
    high = np.array([99.0, 91.0, 20.0, 15.0])
    best, worst = rank_ranges(low, high)
    assert best.tolist() == [1, 1, 3, 3]
    assert worst.tolist() == [2, 2, 4, 4]


def test_each_model_counts_the_judgments_it_took_part_in() -> None:
    ratings = by_name([("A", "B", "a", 3), ("A", "C", "tie", 2), ("B", "C", "b", 1)])
    assert {name: rating.n for name, rating in ratings.items()} == {"A": 5, "B": 4, "C": 3}


def test_a_new_model_neither_moves_nor_widens_the_others() -> None:
    rows = [("A", "B", "a", 60.0), ("A", "B", "b", 40.0), ("B", "C", "a", 55.0)]
    rows += [("B", "C", "b", 45.0), ("A", "C", "a", 50.0), ("A", "C", "b", 50.0)]
    before, after = by_name(rows), by_name([*rows, ("A", "New", "a", 1.0)])
    for name in "ABC":
        assert after[name].rating == pytest.approx(before[name].rating, abs=5)
        width = before[name].ci_high - before[name].ci_low
        assert after[name].ci_high - after[name].ci_low == pytest.approx(width, rel=0.1)
    assert after["New"].ci_high - after["New"].ci_low > 500


def test_one_who_never_won_leaves_the_intervals_of_the_others_as_they_are() -> None:
    """With judgments that weigh little too, where a curvature would be too wide."""
    rows = [("A", "B", "a", 60.0), ("A", "B", "b", 40.0), ("B", "C", "a", 55.0)]
    rows += [("B", "C", "b", 45.0), ("A", "C", "a", 50.0), ("A", "C", "b", 50.0)]
    light = [(*row, 0.3 * row[3], 0.09 * row[3]) for row in rows]
    before = {each.model: each for each in fit(PairCounts.from_weighted(light))}
    lost = ("A", "New", "a", 30.0, 9.0, 2.7)
    after = {each.model: each for each in fit(PairCounts.from_weighted([*light, lost]))}
    plain = by_name(rows)
    for name in "BC":
        width = before[name].ci_high - before[name].ci_low
        assert plain[name].ci_high - plain[name].ci_low == pytest.approx(width)
    gaps = [each["B"].rating - each["C"].rating for each in (before, after)]
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-6)
    assert after["New"].ci_high - after["New"].ci_low > 400
