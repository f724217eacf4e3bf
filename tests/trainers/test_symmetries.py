"""What must not matter, and end points wherever two sources are mixed.

Which answer is called a, in which order rows come, whether two judgments are one row or two: none
of it may change a number. Where two sources are weighed, all weight on one is that one alone.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.routed import Routed, routed, softmax_pairs
from trainers.calibration_prompts.answer_map import fit_answer_map
from trainers.data.choices import FLIPPED, SCORES
from trainers.data.holdout import Holdout
from trainers.embedding.bilinear import Bilinear
from trainers.embedding.evidence_tensors import EvidenceTensors
from trainers.forecast.estimate import AccuracyEstimate
from trainers.forecast.irt import gp_irt
from trainers.model_vectors.evidence import Evidence, Outcomes, PairwiseComparisons
from trainers.model_vectors.families import KINSHIP, prior_of_sibling
from trainers.model_vectors.posterior import Observations, Prior, fit_new_model
from trainers.objectives.losses import bradley_terry_loss
from trainers.off_policy.estimates import estimates
from trainers.off_policy.log import Log
from trainers.off_policy.terms import best_of, terms_of
from trainers.ranking import PairCounts, fit
from trainers.statistics.consensus import dawid_skene
from trainers.statistics.intervals import clustered_mean, clustered_wilson, wilson
from trainers.statistics.logistic import log_sigmoid, sigmoid

shares = st.floats(0, 1)
widths = st.floats(1e-6, 1)


class TestChoices:
    """Sides."""

    def test_a_flipped_choice_is_worth_the_rest(self) -> None:
        for choice, score in SCORES.items():
            assert SCORES[FLIPPED[choice]] == 1 - score
            assert FLIPPED[FLIPPED[choice]] == choice


class TestIntervals:
    """Mirror images, order and end points of intervals."""

    @given(shares, st.integers(1, 1000))
    def test_the_interval_of_failures_is_the_mirror_image(self, share: float, n: int) -> None:
        low, high = wilson(share, n)
        mirrored = wilson(1 - share, n)
        assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-12)

    def test_without_clustering_it_is_the_interval_of_as_many_trials(self) -> None:
        assert clustered_wilson(0.3, 0.3 * 0.7 / 50, 50) == pytest.approx(
            [float(end) for end in wilson(0.3, 50)]
        )
        assert clustered_wilson(1.0, 0.0, 50) == pytest.approx(
            [float(end) for end in wilson(1.0, 50)]
        )

    def test_the_order_and_the_names_of_clusters_do_not_matter(self) -> None:
        rng = np.random.default_rng(0)
        values, cluster = rng.normal(size=60), rng.integers(0, 12, 60)
        order, names = rng.permutation(60), rng.permutation(12)
        first = clustered_mean(values, cluster)
        again = clustered_mean(values[order], names[cluster][order])
        assert (again.value, again.error) == pytest.approx((first.value, first.error))


def test_both_forms_of_the_logistic_function_agree_and_mirror() -> None:
    logits = np.linspace(-30, 30, 121)
    np.testing.assert_allclose(np.exp(log_sigmoid(logits)), sigmoid(logits), atol=1e-15)
    np.testing.assert_allclose(sigmoid(-logits), 1 - sigmoid(logits), atol=1e-15)
    assert np.exp(log_sigmoid(np.array([-700.0])))[0] > 0  # where the other form is 0


class TestMixtures:
    """Two estimates weighed against each other."""

    @given(shares, widths, shares, widths)
    def test_combining_is_symmetric_and_never_less_sure(
        self, value: float, width: float, other: float, other_width: float
    ) -> None:
        one = AccuracyEstimate(value=value, half_width=width)
        two = AccuracyEstimate(value=other, half_width=other_width)
        both, again = one.combine(two), two.combine(one)
        assert both.value == pytest.approx(again.value)
        assert both.half_width == pytest.approx(again.half_width)
        assert both.half_width <= min(width, other_width) * (1 + 1e-12)

    def test_one_that_knows_nothing_changes_nothing(self) -> None:
        known = AccuracyEstimate(value=0.7, half_width=0.1)
        both = known.combine(AccuracyEstimate(value=0.1, half_width=1e9))
        assert (both.value, both.half_width) == pytest.approx((0.7, 0.1))

    def test_gp_irt_at_its_ends(self) -> None:
        plain, model = np.array([0.2, 0.4]), np.array([0.6, 0.5])
        assert gp_irt(plain, model, 10, 0.0, 0.2).tolist() == model.tolist()
        assert gp_irt(plain, model, 10, 1e9, 0.2) == pytest.approx(plain)
        assert gp_irt(plain, model, 10**12, 0.1, 0.2) == pytest.approx(plain)

    def test_many_sure_siblings_leave_the_prior_nothing_to_say(self) -> None:
        prior = Prior(np.array([5.0, -5.0]), np.eye(2))
        alike = np.tile([1.0, 2.0], (100_000, 1))
        found = prior_of_sibling(alike, np.zeros((100_000, 2, 2)), prior)
        np.testing.assert_allclose(found.mean, [1.0, 2.0], atol=1e-4)
        np.testing.assert_allclose(found.covariance, KINSHIP * np.eye(2), atol=1e-4)

    def test_a_rater_of_no_weight_is_one_who_never_voted(self) -> None:
        rng = np.random.default_rng(1)
        items, raters = np.repeat(np.arange(30), 4), np.tile(np.arange(4), 30)
        choices = rng.integers(0, 4, 120)
        groups = np.array([0, 0, 0, 1])
        weighed = dawid_skene(
            items,
            raters,
            choices,
            n_items=30,
            rater_groups=groups,
            rater_weights=[1.0, 1.0, 1.0, 0.0],
        )
        voted = raters < 3
        without = dawid_skene(
            items[voted], raters[voted], choices[voted], n_items=30, rater_groups=groups
        )
        np.testing.assert_allclose(weighed.posteriors, without.posteriors, atol=1e-9)


class TestObservations:
    """A new model's posterior."""

    def made(self) -> tuple[Observations, Prior]:
        rng = np.random.default_rng(2)
        observed = Observations(
            features=rng.normal(size=(20, 3)),
            known=rng.normal(size=20),
            score=rng.random(20),
            weight=np.ones(20),
        )
        return observed, Prior(np.zeros(3), np.eye(3))

    def test_twice_observed_is_of_weight_two(self) -> None:
        observed, prior = self.made()
        twice = fit_new_model(observed + observed, prior)
        heavy = fit_new_model(replace(observed, weight=2 * observed.weight), prior)
        for one, other in zip(twice, heavy, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)

    def test_of_no_weight_is_not_observed(self) -> None:
        observed, prior = self.made()
        vector, covariance = fit_new_model(replace(observed, weight=np.zeros(20)), prior)
        np.testing.assert_allclose(vector, prior.mean, atol=1e-12)
        np.testing.assert_allclose(covariance, prior.covariance, atol=1e-12)


def test_which_model_of_a_comparison_is_first_does_not_matter_to_the_embedding() -> None:
    rng = np.random.default_rng(3)
    prompt, first = rng.integers(0, 10, 40), rng.integers(0, 4, 40)
    second = (first + rng.integers(1, 4, 40)) % 4
    compared = PairwiseComparisons(
        prompt=prompt, first=first, second=second, label=rng.random(40), weight=rng.random(40)
    )
    none = np.empty(0, np.int64)
    evidence = Evidence(
        prompts=[str(number) for number in range(10)],
        texts=["text"] * 10,
        models=list("abcd"),
        outcomes=Outcomes(prompt=none, model=none, score=np.empty(0)),
        comparisons=compared,
        holdout=Holdout(train=np.arange(8), validation=np.array([8]), test=np.array([9])),
    )
    swapped = replace(
        evidence,
        comparisons=replace(compared, first=second, second=first, label=1 - compared.label),
    )
    torch.manual_seed(0)
    model = Bilinear(5, torch.arange(4), 3)
    features = rng.normal(size=(10, 5)).astype(np.float32)
    device, everything = torch.device("cpu"), torch.arange(10)
    with torch.no_grad():
        losses = [
            float(
                EvidenceTensors(one, features, bradley_terry_loss, device).loss(model, everything)
            )
            for one in (evidence, swapped)
        ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_the_order_of_calibration_prompts_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    answers, vectors = rng.normal(size=(7, 5, 3)), rng.normal(size=(7, 2))
    weights, new, order = rng.random(5), rng.normal(size=(5, 3)), rng.permutation(5)
    one = fit_answer_map(answers, vectors, weights).prior_of(new)
    other = fit_answer_map(answers[:, order], vectors, weights[order]).prior_of(new[order])
    np.testing.assert_allclose(one.mean, other.mean)
    np.testing.assert_allclose(one.covariance, other.covariance)


class TestRankings:
    """Rows, units and weights."""

    ROWS = (
        ("x", "y", "a", 12.0),
        ("y", "z", "a", 15.0),
        ("x", "z", "b", 11.0),
        ("x", "y", "tie", 6.0),
    )

    def test_one_row_or_many_of_the_same_judgments(self) -> None:
        parts = [(a, b, choice, 1.0) for a, b, choice, n in self.ROWS for _ in range(int(n))]
        self.equal(PairCounts.from_rows(self.ROWS), PairCounts.from_rows(parts))

    def test_the_unit_of_weights_does_not_matter(self) -> None:
        counts = PairCounts.from_rows(self.ROWS)
        self.equal(counts, replace(counts, count=3 * counts.count, square=9 * counts.square))

    def test_judgments_of_no_weight_are_none(self) -> None:
        weighed = [(*row, row[3], row[3]) for row in self.ROWS]
        weighed.append(("z", "x", "a", 50.0, 0.0, 0.0))
        self.equal(PairCounts.from_rows(self.ROWS), PairCounts.from_weighted(weighed))

    def equal(self, one: PairCounts, other: PairCounts) -> None:
        for left, right in zip(fit(one), fit(other), strict=True):
            assert left.model == right.model
            found = (left.rating, left.ci_low, left.ci_high)
            assert found == pytest.approx((right.rating, right.ci_low, right.ci_high), abs=1e-6)


class TestRouters:
    """A log of decisions."""

    @pytest.fixture
    def world(self) -> Routed:
        return routed(40, 4, seed=5, logging=lambda row: softmax_pairs(row, 0.5, 0.2))

    def test_which_of_two_answers_stands_first_does_not_matter(self, world: Routed) -> None:
        log, logits = self.logged(world)
        mirrored = replace(log, first=log.second, second=log.first, reward=1.0 - log.reward)
        self.equal(log, mirrored, logits, logits)

    def test_the_order_of_the_considered_models_does_not_matter(self, world: Routed) -> None:
        log, logits = self.logged(world)
        order = np.concatenate([np.arange(start, end)[::-1] for start, end in pairwise(log.starts)])
        place = np.argsort(order)
        turned = replace(
            log,
            model=[log.model[row] for row in order],
            propensity=log.propensity[order],
            first=place[log.first],
            second=place[log.second],
        )
        self.equal(log, turned, logits, logits[order])

    def logged(self, world: Routed) -> tuple[Log, np.ndarray]:
        rng = np.random.default_rng(6)
        questions = rng.integers(0, 40, 120)
        log = world.log(questions, rng)
        return log, (world.logits + rng.normal(size=world.logits.shape))[questions].ravel()

    def equal(self, one: Log, other: Log, scores: np.ndarray, others: np.ndarray) -> None:
        found = [
            estimates(terms_of(log, best_of(log, values), values), log.cluster)
            for log, values in ((one, scores), (other, others))
        ]
        assert found[0] is not None
        assert found[1] is not None
        for name in ("ips", "snips", "dr"):
            left, right = getattr(found[0], name), getattr(found[1], name)
            assert (left.value, left.error) == pytest.approx((right.value, right.error))
