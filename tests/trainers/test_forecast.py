"""Forecasts of what was not run: Rasch cells, item response, accuracy from vectors."""

import numpy as np
import pytest

from trainers.forecast.accuracy_line import Expectation, expected_mean, fit_accuracy_line
from trainers.forecast.estimate import AccuracyEstimate
from trainers.forecast.irt import fit_abilities, fit_items, gp_irt, p_irt
from trainers.forecast.partial_runs import KnownItems, sparse_estimates
from trainers.forecast.rasch import fit_rasch, row_scores
from trainers.forecast.topics import Contest
from trainers.statistics.intervals import t_quantile

Array = np.ndarray


def sigma(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-logits)))


def rasch_world(rows: int, columns: int, seed: int) -> tuple[Array, Array, Array, Array]:
    """Features, abilities from them, difficulties, and a matrix of hard outcomes."""
    rng = np.random.default_rng(seed)
    features = np.column_stack([np.ones(rows), rng.normal(size=(rows, 3))])
    theta = features @ np.array([0.3, 0.8, -0.5, 0.4])
    beta = rng.normal(size=columns)
    scores = (rng.random((rows, columns)) < sigma(theta[:, None] - beta)).astype(float)
    return features, theta, beta, scores


class TestRasch:
    """PromptEval's estimate (card 12's CPU test)."""

    def test_few_cells_say_more_than_their_averages_by_far(self) -> None:
        ours, averages = [], []
        for seed in range(5):
            features, _theta, _beta, scores = rasch_world(100, 500, seed)
            seen = np.random.default_rng(seed).permuted(
                np.arange(500) < 4 * np.ones((100, 1)), axis=1
            )
            truth = scores.mean(1)
            rows = np.where(seen, scores, 0.0).sum(1) / seen.sum(1)
            ours.append(np.median(np.abs(row_scores(scores, seen, features) - truth)))
            averages.append(np.median(np.abs(rows - truth)))
        assert np.mean(ours) < np.mean(averages) / 2

    def test_with_every_cell_seen_a_rows_score_is_its_mean(self) -> None:
        features, _theta, _beta, scores = rasch_world(20, 30, 0)
        found = row_scores(scores, np.ones_like(scores, bool), features)
        assert (found == scores.mean(1)).all()

    def test_abilities_and_difficulties_are_recovered_up_to_a_shift(self) -> None:
        _features, theta, beta, scores = rasch_world(100, 500, 3)
        found = fit_rasch(scores, np.ones_like(scores, bool), np.eye(100))
        assert np.corrcoef(found.theta, theta)[0, 1] > 0.97
        assert np.corrcoef(found.beta, beta)[0, 1] > 0.97
        shift = (found.theta - theta).mean()
        assert np.abs(found.theta - theta - shift).mean() < 0.15
        assert np.abs(found.beta - beta - shift).mean() < 0.3

    def test_it_is_the_optimum_that_plain_gradients_find(self) -> None:
        _features, _theta, _beta, scores = rasch_world(6, 9, 4)
        seen = np.random.default_rng(0).random(scores.shape) < 0.7
        theta, beta = np.zeros(6), np.zeros(9)
        for _ in range(40_000):
            gap = np.where(seen, sigma(theta[:, None] - beta) - scores, 0.0)
            theta = theta - 0.3 * (gap.sum(1) + theta / 100)
            beta = beta - 0.3 * (-gap.sum(0) + beta / 100)
        found = fit_rasch(scores, seen, np.eye(6))
        np.testing.assert_allclose(found.theta, theta, atol=1e-4)
        np.testing.assert_allclose(found.beta, beta, atol=1e-4)

    def test_no_cell_at_all_is_an_even_chance(self) -> None:
        nothing = np.zeros((3, 4), bool)
        np.testing.assert_allclose(row_scores(np.zeros((3, 4)), nothing, np.eye(3)), 0.5)

    def test_the_interval_of_an_estimate_is_that_of_as_many_questions(self) -> None:
        features, _theta, _beta, scores = rasch_world(40, 200, 1)
        seen = np.random.default_rng(2).random(scores.shape) < 0.15
        found = sparse_estimates(np.where(seen, scores, np.nan), features)
        held = [
            abs(g.value - row.mean()) <= g.half_width for g, row in zip(found, scores, strict=True)
        ]
        assert np.mean(held) > 0.9
        counts = seen.sum(1)
        assert found[counts.argmin()].half_width > found[counts.argmax()].half_width

    def test_of_very_few_cells_each_model_has_its_plain_mean(self) -> None:
        features, _theta, _beta, scores = rasch_world(8, 200, 1)
        told = np.where(np.arange(200) < 10, scores, np.nan)
        told[7] = np.nan
        found = sparse_estimates(told, features)
        values = [one.value for one in found]
        np.testing.assert_allclose(values, [*scores[:7, :10].mean(1), 0.0])


def irt_world(seed: int, models: int = 60) -> Array:
    rng = np.random.default_rng(seed)
    slopes = 1.0 + 0.5 * rng.normal(size=(400, 2))
    logits = rng.normal(size=(models, 2)) @ slopes.T - 2 * rng.normal(size=400)
    return (rng.random(logits.shape) < sigma(logits)).astype(float)


def only(row: Array, seen: Array) -> Array:
    """A model's scores where it was run on these items alone."""
    told = np.full(len(row), np.nan)
    told[seen] = row[seen]
    return told


class TestItemResponse:
    """tinyBenchmarks' estimates."""

    def test_the_fitted_chance_beats_the_mean_of_as_many_items(self) -> None:
        scores = irt_world(0)
        items = fit_items(scores[:50])
        rng = np.random.default_rng(1)
        truth = np.repeat(scores[50:], 20, axis=0)
        told = np.stack([only(row, rng.choice(400, 20, replace=False)) for row in truth])
        ours = np.abs(p_irt(items, told) - truth.mean(1))
        plain = np.abs(np.nanmean(told, 1) - truth.mean(1))
        assert ours.mean() < 0.8 * plain.mean()

    def test_with_every_item_seen_it_is_the_mean(self) -> None:
        scores = irt_world(1)
        found = p_irt(fit_items(scores[:50]), scores[50:])
        np.testing.assert_allclose(found, scores[50:].mean(1))

    def test_an_ability_is_the_optimum_that_plain_gradients_find(self) -> None:
        scores = irt_world(2)
        items = fit_items(scores[:50])
        told = [np.arange(0, 400, 20), np.arange(7, 400, 31)]
        found = fit_abilities(items, np.stack([only(scores[55], seen) for seen in told]))
        for seen, ability in zip(told, found, strict=True):
            theta = np.zeros(2)
            for _ in range(20_000):
                logits = items.slopes[seen] @ theta - items.difficulties[seen]
                gap = sigma(logits) - scores[55, seen]
                theta = theta - 0.02 * (items.slopes[seen].T @ gap + theta)
            np.testing.assert_allclose(ability, theta, atol=1e-6)

    def test_a_cell_that_was_not_run_says_nothing_of_its_item(self) -> None:
        scores = irt_world(4)
        scores[50:, 0] = np.nan
        with_nan = fit_items(scores)
        assert np.isfinite(with_nan.slopes).all()
        alone = fit_items(scores[:50])
        assert with_nan.difficulties[0] == pytest.approx(alone.difficulties[0], abs=0.3)
        scores[:, 0] = np.nan
        assert fit_items(scores).difficulties[0] == pytest.approx(0.0)

    def test_the_model_that_is_always_right_has_a_finite_ability(self) -> None:
        items = fit_items(irt_world(3))
        sure = p_irt(items, only(np.ones(400), np.arange(100))[None])[0]
        assert 0.8 < sure < 1.0

    def test_the_mixture_leans_to_the_one_with_less_error(self) -> None:
        plain, model = np.array([0.2]), np.array([0.8])
        assert gp_irt(plain, model, seen=100, error=0.0, variance=0.0) == 0.8
        assert gp_irt(plain, model, seen=10**9, error=0.1, variance=0.2) == pytest.approx(0.2)
        share = 0.05**2 / (0.05**2 + 0.2 / 400)
        found = gp_irt(plain, model, seen=100, error=0.05, variance=0.2)
        assert found == pytest.approx(share * 0.2 + (1 - share) * 0.8)

    def test_the_estimate_beats_the_mean_and_its_interval_covers(self) -> None:
        scores = irt_world(5, models=90)
        known = KnownItems(scores[:50])
        rng = np.random.default_rng(0)
        rows = []
        for row in np.repeat(scores[50:], 5, axis=0):
            seen = rng.choice(400, 20, replace=False)
            found, truth = known.estimate(only(row, seen)), row.mean()
            rows.append((abs(found.value - truth), abs(row[seen].mean() - truth), found.half_width))
        ours, plain, half = np.array(rows).T
        assert ours.mean() < 0.95 * plain.mean()
        assert 0.9 <= (ours <= half).mean() <= 0.99
        assert half.mean() < 0.25  # no cover by width alone

    def test_questions_that_no_other_model_was_run_on_have_their_plain_mean(self) -> None:
        scores = irt_world(6, models=12)
        scores[:11, 0] = np.nan
        found = KnownItems(scores[:11]).estimate(only(np.ones(400), np.array([0])))
        assert found.value == 1.0
        assert found.half_width > 0.3


class TestTransfer:
    """A benchmark's accuracy from what the embedding expects on its questions."""

    def test_the_line_is_least_squares_and_its_interval_covers(self) -> None:
        rng = np.random.default_rng(0)
        covered = []
        for _ in range(300):
            x = rng.random(12)
            y = 0.1 + 0.6 * x + 0.05 * rng.normal(size=12)
            line = fit_accuracy_line(x[:-1], y[:-1, None])
            found = line.forecast(Expectation(mean=float(x[-1]), variance=0.0))
            covered.append(abs(found.value - y[-1]) <= found.half_width)
        slope, level = np.polyfit(x[:-1], y[:-1], 1)
        assert found.value == pytest.approx(level + slope * x[-1])
        assert 0.92 <= np.mean(covered) <= 0.98

    def test_no_line_is_surer_than_the_number_of_questions_allows(self) -> None:
        x = np.linspace(0.2, 0.8, 10)
        coins = (np.arange(10) < 10 * x[:, None]).astype(float)
        line = fit_accuracy_line(coins.mean(1), coins)
        assert line.error == pytest.approx(np.sqrt(coins.var(1).mean() / 10))

    def test_an_unsure_vector_makes_it_wide(self) -> None:
        x = np.linspace(0.2, 0.8, 9)
        line = fit_accuracy_line(x, x[:, None])
        assert line.forecast(Expectation(mean=0.5, variance=0.0)).half_width == pytest.approx(
            0.0, abs=1e-9
        )
        assert line.forecast(Expectation(mean=0.5, variance=0.01)).half_width == pytest.approx(
            t_quantile(7) * 0.1
        )

    def test_expectations_that_are_all_the_same_say_no_more_than_the_mean(self) -> None:
        scores = np.array([[0.2], [0.3], [0.5], [0.7], [0.8]])
        found = fit_accuracy_line(np.full(5, 0.4), scores)
        estimate = found.forecast(Expectation(mean=0.9, variance=0.0))
        assert estimate.value == pytest.approx(0.5)
        assert estimate.half_width > 0.6

    def test_an_expectation_is_the_mean_over_draws_of_the_vector(self) -> None:
        rng = np.random.default_rng(1)
        z, vector = rng.normal(size=(50, 3)), rng.normal(size=3)
        root = 0.05 * rng.normal(size=(3, 3))
        found = expected_mean(z, 0.3, vector, root @ root.T)
        draws = vector + rng.normal(size=(20_000, 3)) @ root.T
        means = sigma(draws @ z.T + 0.3).mean(1)
        assert found.mean == pytest.approx(means.mean(), abs=0.005)
        assert found.variance == pytest.approx(means.var(), rel=0.1)


def test_two_estimates_are_weighed_by_their_precision() -> None:
    both = AccuracyEstimate(value=0.2, half_width=0.1).combine(
        AccuracyEstimate(value=0.8, half_width=0.2)
    )
    assert both.value == pytest.approx((0.2 / 0.01 + 0.8 / 0.04) / (1 / 0.01 + 1 / 0.04))
    assert both.half_width == pytest.approx((1 / (1 / 0.01 + 1 / 0.04)) ** 0.5)
    assert AccuracyEstimate(value=0.2, half_width=0.0).combine(
        AccuracyEstimate(value=0.8, half_width=0.1)
    ) == AccuracyEstimate(value=0.2, half_width=0.0)
    assert AccuracyEstimate(value=0.2, half_width=0.0).combine(
        AccuracyEstimate(value=0.8, half_width=0.0)
    ) == AccuracyEstimate(value=0.2, half_width=0.0)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(3, 3.1824), (5, 2.5706), (10, 2.2281), (30, 2.0423)]
)
def test_students_quantile_by_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, rel=0.02)


class TestWinRates:
    """The expected win rate on a topic, with its interval."""

    def test_it_is_the_mean_over_prompts_and_opponents(self) -> None:
        rng = np.random.default_rng(0)
        vectors, z = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
        covariance = np.tile(1e-12 * np.eye(3), (5, 1, 1))
        rate = Contest(vectors, covariance, 2, rng).on(z)
        wins = [
            1 / (1 + np.exp(-q @ (vectors[2] - vectors[other])))
            for q in z
            for other in (0, 1, 3, 4)
        ]
        assert rate.expected == pytest.approx(np.mean(wins))
        by_prompt = np.reshape(wins, (7, 4)).mean(1)
        error = by_prompt.std() / 7**0.5  # the vectors are certain: only the prompts vary
        assert (rate.high - rate.low) / (2 * 1.96) == pytest.approx(error, rel=0.25)

    def test_the_interval_covers_models_that_are_drawn_from_their_posteriors(self) -> None:
        rng = np.random.default_rng(1)
        covered = 0
        for _ in range(200):
            vectors, z = rng.normal(size=(6, 4)), rng.normal(size=(5000, 4))
            root = 0.3 * rng.normal(size=(6, 4, 4))
            covariance = root @ root.swapaxes(1, 2) + 1e-6 * np.eye(4)
            truth = vectors + np.einsum("mij,mj->mi", root, rng.normal(size=(6, 4)))
            rate = Contest(vectors, covariance, 0, rng).on(z[:30])
            wins = sigma(z @ (truth[0] - truth[1:]).T).mean()
            covered += rate.low <= wins <= rate.high
        assert 0.89 <= covered / 200 <= 0.99

    def test_one_prompt_and_one_opponent_are_enough(self) -> None:
        rate = Contest(np.eye(2), np.tile(np.eye(2), (2, 1, 1)), 0, np.random.default_rng(0))
        found = rate.on(np.array([[1.0, 0.0]]))
        assert found.low < 0.2 < found.expected < 0.99 < found.high + 0.05
