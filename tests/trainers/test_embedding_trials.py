"""Routed scores and neighbours against dictionaries and loops."""

import numpy as np
import pytest

from tests.trainers.worlds import comparisons_of, no_comparisons, no_outcomes, outcomes_where, world
from trainers.embedding.knn import knn_scores, observe
from trainers.embedding.trials import Trials

MADE = world(questions=60, models=5, seed=3)
RAN = np.random.default_rng(5).random(MADE.logits.shape) < 0.6
TEST = MADE.holdout.test


def test_routing_chooses_among_the_models_that_were_run() -> None:
    evidence = MADE.evidence(outcomes_where(MADE, RAN), no_comparisons())
    trials = Trials.of_outcomes(evidence, TEST)
    scores = np.random.default_rng(0).normal(size=(len(trials.prompts), 5))
    routed, best, average = [], [], []
    for row, prompt in enumerate(trials.prompts):
        ran = np.flatnonzero(RAN[prompt])
        observed = MADE.outcomes[prompt]
        routed.append(observed[max(ran, key=lambda model: scores[row, model])])
        best.append(max(observed[ran]))
        average.append(observed[ran].mean())
    assert trials.routed(scores).tolist() == routed
    assert trials.oracle().tolist() == best
    assert trials.random() == pytest.approx(average)


def test_a_comparison_is_won_by_the_share_of_the_model_that_is_chosen() -> None:
    evidence = MADE.evidence(no_outcomes(), comparisons_of(MADE, 2))
    trials = Trials.of_comparisons(evidence, TEST)
    comparisons = evidence.comparisons.on(TEST)
    scores = np.random.default_rng(1).normal(size=(len(trials.prompts), 5))
    rows = {prompt: row for row, prompt in enumerate(trials.prompts)}
    gaps, routed = [], []
    for prompt, a, b, label in zip(
        comparisons.prompt, comparisons.first, comparisons.second, comparisons.label, strict=True
    ):
        gaps.append(scores[rows[prompt], a] - scores[rows[prompt], b])
        routed.append(label if gaps[-1] > 0 else 1 - label)
    assert trials.logits(scores).tolist() == gaps
    assert trials.routed(scores).tolist() == routed


def test_neighbours_scores_equal_a_loop_over_the_nearest_questions() -> None:
    prompt, model = np.nonzero(RAN)
    score = MADE.outcomes[prompt, model]
    observed = observe(MADE.vectors, prompt, model, score, 5)
    asked = world(questions=4, models=5, seed=9).vectors
    found = knn_scores(observed, asked)
    for row, question in enumerate(asked):
        near = np.argsort(-(MADE.vectors @ question), kind="stable")
        for k in (1, 5, 20):
            for number in range(5):
                seen = [MADE.outcomes[q, number] for q in near[:k] if RAN[q, number]]
                expected = np.mean([*seen, observed.means[number]])
                assert found[k][row, number] == pytest.approx(expected)


def test_a_models_mean_counts_only_where_it_was_run() -> None:
    prompt, model = np.nonzero(RAN)
    observed = observe(MADE.vectors, prompt, model, MADE.outcomes[prompt, model], 5)
    for number in range(5):
        own = MADE.outcomes[RAN[:, number], number]
        overall = MADE.outcomes[RAN].mean()
        assert observed.means[number] == pytest.approx((own.sum() + overall) / (len(own) + 1))
