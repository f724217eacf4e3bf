"""Style control: right coefficients, intervals that cover, sums that lose nothing that counts."""

import numpy as np
import pytest

from tests.trainers.leagues import League, styled_league
from trainers.ranking import PairCounts, fit
from trainers.ranking.bradley_terry import SCALE
from trainers.ranking.style_control import PRIOR, StyledRanking, fit_styled
from trainers.ranking.styled_counts import MOMENTS, Row, StyledCounts, cells
from trainers.statistics.intervals import Z

TRUE = (0.25, 0.1, 0.0, -0.1)


def coefficients(found: StyledRanking) -> np.ndarray:
    return np.array([effect.coefficient for effect in found.effects], dtype=float)


def halves(found: StyledRanking) -> np.ndarray:
    return np.array([e.ci_high - e.coefficient for e in found.effects], dtype=float)  # type: ignore[operator]


def naive(league: League) -> tuple[np.ndarray, np.ndarray]:
    """(r, c) and their sandwich variances from the votes one by one, by dense sums."""
    size, votes = len(league.truth), len(league.first)
    scale = np.sqrt((league.f**2).mean(axis=0))
    z = np.zeros((votes, size + 4))
    z[np.arange(votes), league.first] = 1
    z[np.arange(votes), league.second] = -1
    z[:, size:] = league.f / scale
    prior = np.diag([*[0.0] * size, *[PRIOR] * 4])
    x = np.zeros(size + 4)
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ x))
        hessian = (z * (p * (1 - p))[:, None]).T @ z + prior
        x = x - np.linalg.pinv(hessian) @ (z.T @ (p - league.score) + prior @ x)
    p = 1 / (1 + np.exp(-z @ x))
    inverse = np.linalg.pinv((z * (p * (1 - p))[:, None]).T @ z + prior)
    scatter = (z * ((league.score - p) ** 2)[:, None]).T @ z + prior
    return x, np.diag(inverse @ scatter @ inverse)


def test_ratings_coefficients_and_intervals_equal_the_naive_reference() -> None:
    league = styled_league(np.random.default_rng(3), models=5, votes=600, c=TRUE)
    found = fit_styled(league.one_by_one())
    x, variance = naive(league)
    np.testing.assert_allclose(coefficients(found), x[5:], atol=1e-8)
    np.testing.assert_allclose(halves(found), Z * np.sqrt(variance[5:]), atol=1e-8)
    ratings = {rating.model: rating for rating in found.ratings}
    for index, name in enumerate(league.names):
        assert ratings[name].rating == pytest.approx(1000 + SCALE * x[index], abs=1e-5)
        half = Z * SCALE * np.sqrt(variance[index])
        assert ratings[name].ci_high - ratings[name].rating == pytest.approx(half, abs=1e-5)


def test_a_true_coefficient_of_a_quarter_is_found() -> None:
    league = styled_league(np.random.default_rng(0), models=20, votes=100_000, c=(0.25, 0, 0, 0))
    found = fit_styled(league.summed())
    assert found.effects[0].feature == "length"
    assert coefficients(found)[0] == pytest.approx(0.25, abs=0.02)
    assert abs(coefficients(found)[1:]).max() < 0.02
    assert found.texts == 100_000


@pytest.mark.parametrize("c", [TRUE, (0.25, 0.25, 0.25, 0.25), (0.5, 0.1, 0.1, 0.1)])
def test_summing_up_moves_nothing_by_a_tenth_of_its_interval(c: tuple[float, ...]) -> None:
    league = styled_league(np.random.default_rng(5), models=10, votes=100_000, c=c)
    exact, summed = fit_styled(league.one_by_one()), fit_styled(league.summed())
    assert len(league.summed().counts.n) < 90 * 9 * 3
    error = abs(coefficients(summed) - coefficients(exact)) / halves(exact)
    assert error.max() < 0.1
    theirs = {rating.model: rating for rating in exact.ratings}
    for rating in summed.ratings:
        one = theirs[rating.model]
        assert abs(rating.rating - one.rating) < 0.1 * (one.ci_high - one.rating)
        assert rating.ci_high - rating.ci_low == pytest.approx(one.ci_high - one.ci_low, rel=0.01)


def test_intervals_of_ratings_and_coefficients_cover_19_times_in_20() -> None:
    rng, inside = np.random.default_rng(11), []
    for _ in range(80):
        league = styled_league(rng, models=6, votes=1500, c=TRUE)
        found = fit_styled(league.summed())
        ratings = {rating.model: rating for rating in found.ratings}
        inside += [
            ratings[name].ci_low <= 1000 + SCALE * r <= ratings[name].ci_high
            for name, r in zip(league.names, league.truth, strict=True)
        ]
        inside += [
            effect.ci_low <= true <= effect.ci_high  # type: ignore[operator]
            for effect, true in zip(found.effects, TRUE, strict=True)
        ]
    assert 0.93 <= np.mean(inside) <= 0.97


def test_a_model_that_wins_by_length_alone_falls_to_where_it_belongs() -> None:
    rng = np.random.default_rng(2)
    league = styled_league(rng, models=6, votes=60_000, c=(0.6, 0, 0, 0))
    truth = dict(zip(league.names, 1000 + SCALE * league.truth, strict=True))
    plain = fit(league.one_by_one().counts)
    styled = fit_styled(league.summed()).ratings
    far = max(abs(rating.rating - truth[rating.model]) for rating in plain)
    near = max(abs(rating.rating - truth[rating.model]) for rating in styled)
    assert near < 10 < far


def test_without_texts_the_ranking_is_the_plain_one() -> None:
    rows: list[Row] = [
        ("A", "B", "a", 30, 30, 30, np.zeros(MOMENTS)),
        ("B", "A", "a", 20, 20, 20, np.zeros(MOMENTS)),
        ("B", "C", "tie", 25, 25, 25, np.zeros(MOMENTS)),
    ]
    found = fit_styled(StyledCounts.from_rows(rows, 0))
    plain = fit(PairCounts.from_weighted(row[:6] for row in rows))
    for ours, theirs in zip(found.ratings, plain, strict=True):
        assert (ours.model, ours.n) == (theirs.model, theirs.n)
        assert ours.rating == pytest.approx(theirs.rating)
        assert ours.ci_low == pytest.approx(theirs.ci_low)
    assert all(effect.coefficient is None for effect in found.effects)


# --- what the votes cannot say ----------------------------------------------------------------


def one_feature(rows: list[tuple[str, str, str, int, float]]) -> StyledRanking:
    """A ranking of (a, b, choice, n, difference in length)."""
    made: list[Row] = []
    for a, b, choice, n, f in rows:
        sums = np.zeros(MOMENTS)
        sums[0], sums[4] = n * f, n * f * f
        made.append((a, b, choice, n, n, n, sums))
    return fit_styled(StyledCounts.from_rows(made, sum(row[3] for row in rows)))


def test_nothing_judged_and_a_model_against_itself_rank_nothing() -> None:
    assert fit_styled(StyledCounts.from_rows([], 0)).ratings == ()
    assert one_feature([("A", "A", "tie", 3, 0.1)]).ratings == ()


def test_a_feature_that_is_the_model_itself_leaves_both_wide() -> None:
    """A always writes longer by as much: its rating and the coefficient cannot be told apart."""
    found = one_feature([("A", "B", "a", 600, 0.4), ("A", "B", "b", 400, 0.4)])
    effect = found.effects[0]
    assert effect.ci_low < 0 < effect.ci_high  # type: ignore[operator]
    assert effect.ci_high - effect.ci_low > 1  # type: ignore[operator]
    for rating in found.ratings:
        assert rating.ci_high - rating.ci_low > 150
    assert {(rating.rank_low, rating.rank_high) for rating in found.ratings} == {(1, 2)}


def test_a_feature_that_decides_every_vote_has_a_finite_coefficient() -> None:
    rows = [("A", "B", "a", 50, 0.4), ("A", "B", "b", 50, -0.4), ("B", "C", "a", 50, 0.4)]
    found = one_feature([*rows, ("B", "C", "b", 50, -0.4)])
    effect = found.effects[0]
    assert 2 < effect.coefficient < 20  # type: ignore[operator]
    assert effect.ci_low > 0  # type: ignore[operator]
    assert all(abs(rating.rating - 1000) < 1 for rating in found.ratings)


def test_a_model_that_always_wins_and_groups_that_never_met_stay_finite() -> None:
    winner = one_feature([("A", "B", "a", 40, 0.2), ("A", "B", "a", 40, -0.3)])
    assert winner.ratings[0].model == "A"
    assert winner.ratings[0].ci_high - winner.ratings[0].ci_low > 200
    apart = one_feature([("A", "B", "a", 9, 0.2), ("C", "D", "b", 9, -0.1)])
    assert all(np.isfinite(rating.rating) for rating in apart.ratings)


def test_ties_alone_leave_all_level() -> None:
    found = one_feature([("A", "B", "tie", 50, 0.3), ("A", "B", "tie", 50, -0.3)])
    assert found.effects[0].coefficient == pytest.approx(0)
    assert all(rating.rating == pytest.approx(1000) for rating in found.ratings)


def test_cells_are_seen_alike_from_both_sides() -> None:
    f = np.random.default_rng(1).uniform(-1, 1, (500, 4))
    assert set(cells(f).tolist()) == set(range(9))
    np.testing.assert_array_equal(cells(-f), 8 - cells(f))
