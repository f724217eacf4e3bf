"""Anchors among prompts, and a first vector from answers alone."""

import numpy as np
import pytest

from trainers.calibration_prompts.anchors import choose_anchors
from trainers.calibration_prompts.answer_map import fit_answer_map
from trainers.model_vectors.posterior import spread_of

Array = np.ndarray


def test_anchors_are_the_medoids_of_separate_clusters_and_weigh_their_shares() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    group = np.repeat([0, 1, 2], [60, 30, 10])
    items = centres[group] + rng.normal(size=(100, 2)) * 0.1
    anchors = choose_anchors(items, 3)
    assert sorted(anchors.weights) == pytest.approx([0.1, 0.3, 0.6])
    for item, weight in zip(anchors.items, anchors.weights, strict=True):
        inside = np.flatnonzero(group == group[item])
        middle = items[inside].mean(0)
        nearest = min(inside, key=lambda row: float(np.square(items[row] - middle).sum()))
        assert item == nearest
        assert weight == pytest.approx(len(inside) / 100)


def test_equal_items_need_one_anchor() -> None:
    items = np.repeat(np.eye(2), [7, 3], axis=0)
    anchors = choose_anchors(items, 5)
    assert len(anchors.items) == 2
    assert anchors.estimate(np.array([1.0, 0.0])) == pytest.approx(0.7)


def test_anchors_estimate_a_score_better_than_as_many_random_items() -> None:
    rng = np.random.default_rng(1)
    skill, item = rng.normal(size=(40, 3)), rng.normal(size=(600, 3))
    right = (rng.random((40, 600)) < 1 / (1 + np.exp(-2 * skill @ item.T))).astype(float)
    known, new = right[:30], right[30:]
    anchors = choose_anchors(known.T, 30)
    random = np.stack([rng.choice(600, 30, replace=False) for _ in range(50)])
    by_anchors = np.abs([anchors.estimate(row[anchors.items]) - row.mean() for row in new]).mean()
    by_chance = np.abs(new[:, random].mean(2) - new.mean(1)[:, None]).mean()
    assert by_anchors < by_chance


def naive_errors(answers: Array, vectors: Array, weights: Array, ridge: float) -> Array:
    """Each model predicted by the primal ridge regression of all the others."""
    rows = (answers * np.sqrt(weights)[:, None]).reshape(len(answers), -1)
    errors = np.empty_like(vectors)
    for one in range(len(rows)):
        others = np.arange(len(rows)) != one
        x, y = rows[others], vectors[others]
        x0, y0 = x.mean(0), y.mean(0)
        slope = np.linalg.solve(
            (x - x0).T @ (x - x0) + ridge * np.eye(x.shape[1]), (x - x0).T @ (y - y0)
        )
        errors[one] = vectors[one] - (y0 + (rows[one] - x0) @ slope)
    return errors


def test_the_ridge_and_the_variance_are_those_of_leaving_each_model_out() -> None:
    rng = np.random.default_rng(2)
    answers, weights = rng.normal(size=(12, 4, 3)), np.array([0.4, 0.3, 0.2, 0.1])
    vectors = answers.reshape(12, -1) @ rng.normal(size=(12, 2)) + rng.normal(size=(12, 2))
    found = fit_answer_map(answers, vectors, weights)
    rows = (answers - answers.mean(0)) * np.sqrt(weights)[:, None]
    scale = np.square(rows).sum() / 12
    tried = [
        naive_errors(answers, vectors, weights, ridge * scale) for ridge in np.logspace(-3, 3, 25)
    ]
    errors = min(tried, key=lambda one: float(np.square(one).sum()))
    np.testing.assert_allclose(found.spread, spread_of(errors), rtol=1e-8)
    alone = vectors - np.stack([np.delete(vectors, one, 0).mean(0) for one in range(12)])
    expected = 1 - np.square(errors).sum() / np.square(alone).sum()
    assert found.explained == pytest.approx(expected)


def test_a_model_that_answers_like_another_is_put_beside_it() -> None:
    rng = np.random.default_rng(3)
    style = rng.normal(size=(30, 2))
    answers = (style @ rng.normal(size=(2, 40))).reshape(30, 8, 5)
    answers += 0.1 * rng.normal(size=answers.shape)
    vectors = style @ rng.normal(size=(2, 6))
    found = fit_answer_map(answers[1:], vectors[1:], np.full(8, 1 / 8))
    prior = found.prior_of(answers[0])
    assert found.explained > 0.9
    gap = np.square(prior.mean - vectors[0]).sum()
    assert gap < 0.1 * np.square(vectors[0] - vectors[1:].mean(0)).sum()


def test_answers_that_say_nothing_leave_the_models_mean() -> None:
    rng = np.random.default_rng(4)
    answers, vectors = rng.normal(size=(30, 8, 16)), rng.normal(size=(30, 6))
    found = fit_answer_map(answers, vectors, np.full(8, 1 / 8))
    prior = found.prior_of(rng.normal(size=(8, 16)))
    assert found.explained < 0.1
    assert np.abs(prior.mean - vectors.mean(0)).max() < 0.3
    assert np.trace(prior.covariance) > 0.7 * vectors.var(0).sum()
