"""The gate promotes what is not worse and saw newer data, and says why it does not."""

import numpy as np
import pytest

from feedback.training.models import CheckpointState, Kind
from feedback.training.promotion.gate import (
    DRAWS,
    MARGIN,
    SEED,
    PromptScores,
    against_baseline,
    compare,
    paired_bootstrap,
    with_decisions,
)
from trainers.off_policy.paired import Paired
from trainers.statistics.intervals import Estimate


def scores(values: np.ndarray, prefix: str = "p") -> PromptScores:
    """Scores of numbered prompts, one judgment each."""
    names = tuple(f"{prefix}{number}" for number in range(len(values)))
    return PromptScores(prompts=names, score=values, n=np.ones(len(values)))


def better_by(points: float, count: int = 400) -> tuple[PromptScores, PromptScores]:
    """A candidate and an incumbent whose scores differ by so many points, with noise."""
    rng = np.random.default_rng(7)
    incumbent = rng.uniform(0.3, 0.7, count)
    candidate = incumbent + points / 100 + rng.normal(0, 0.01, count)
    return scores(candidate), scores(incumbent)


@pytest.mark.parametrize(
    ("points", "newer", "state", "words"),
    [
        (2.0, {"p0"}, CheckpointState.LIVE, "it is better than v3"),
        (0.0, {"p0"}, CheckpointState.LIVE, "it is not worse than v3"),
        (-2.0, {"p0"}, CheckpointState.REFUSED, "it is worse than v3"),
        (2.0, set(), CheckpointState.CANDIDATE, "no newer data than v3"),
        (-2.0, set(), CheckpointState.REFUSED, "it is worse than v3"),
    ],
)
def test_the_verdict_follows_the_interval_and_the_newer_data(
    points: float, newer: set[str], state: CheckpointState, words: str
) -> None:
    verdict = compare(*better_by(points), newer=newer, name="v3")
    assert verdict.state == state
    assert words in verdict.reason
    assert verdict.evidence["difference"] == pytest.approx(points / 100, abs=0.002)


def test_a_wide_interval_keeps_the_candidate_waiting() -> None:
    rng = np.random.default_rng(1)
    candidate, incumbent = scores(rng.uniform(0, 1, 40)), scores(rng.uniform(0, 1, 40))
    verdict = compare(candidate, incumbent, newer={"p1"}, name="v1")
    assert verdict.state == CheckpointState.CANDIDATE
    assert "might be worse" in verdict.reason
    assert verdict.evidence["ci"][0] < -MARGIN < 0 < verdict.evidence["ci"][1]


def test_enough_prompts_with_newer_judgments_are_compared_alone() -> None:
    candidate, incumbent = better_by(0.0)
    candidate.score[:100] -= 0.05  # worse on the newer ones only
    newer = {f"p{number}" for number in range(100)}
    verdict = compare(candidate, incumbent, newer=newer, name="v1")
    assert verdict.state == CheckpointState.REFUSED
    assert verdict.evidence["prompts"] == 100
    fewer = compare(candidate, incumbent, newer=set(list(newer)[:99]), name="v1")
    assert fewer.evidence["prompts"] == 400


def test_too_few_prompts_are_no_comparison() -> None:
    verdict = compare(*better_by(5.0, count=4), newer={"p0"}, name="v1")
    assert verdict.state == CheckpointState.CANDIDATE
    assert verdict.reason == "4 test prompts are too few to compare it with v1."


def test_only_prompts_that_both_were_measured_on_count() -> None:
    candidate, incumbent = scores(np.full(9, 0.9)), scores(np.full(6, 0.8))
    verdict = compare(candidate, incumbent, newer={"p0"}, name="v1")
    assert verdict.evidence["prompts"] == 6


def test_the_bootstrap_is_the_naive_one() -> None:
    rng = np.random.default_rng(3)
    gains, weights = rng.normal(0.01, 0.1, 30), rng.integers(1, 9, 30).astype(float)
    rng, means = np.random.default_rng(SEED), []
    for _ in range(DRAWS):
        drawn = rng.integers(0, 30, 30)
        above = sum(float(gains[row]) * float(weights[row]) for row in drawn)
        means.append(above / sum(float(weights[row]) for row in drawn))
    difference, low, high = paired_bootstrap(gains, weights)
    assert difference == pytest.approx(np.average(gains, weights=weights), abs=1e-12)
    assert (low, high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=1e-12)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(60):
        _, low, high = paired_bootstrap(rng.normal(0.02, 0.1, 80), np.ones(80))
        inside += low <= 0.02 <= high
    assert 50 <= inside <= 60  # 95 % of 60 is 57


def embedding(log_loss: float, model_mean_log_loss: float, gain: float = 0.01) -> dict[str, object]:
    return {
        "log_loss": log_loss,
        "model_mean_log_loss": model_mean_log_loss,
        "routed_gain": gain,
        "routed_gain_ci": [gain - 0.02, gain + 0.02],
    }


def policy(accuracy: float, low: float) -> dict[str, object]:
    return {"implicit_accuracy": accuracy, "implicit_accuracy_ci": [low, 2 * accuracy - low]}


@pytest.mark.parametrize(
    ("kind", "metrics", "state"),
    [
        (Kind.RANKING, {}, CheckpointState.LIVE),
        (
            Kind.REWARD,
            {
                "accuracy": 0.7,
                "baseline_majority_accuracy": 0.5,
                "baseline_length_accuracy": 0.68,
            },
            CheckpointState.LIVE,
        ),
        (
            Kind.REWARD,
            {
                "accuracy": 0.6,
                "baseline_majority_accuracy": 0.5,
                "baseline_length_accuracy": 0.68,
            },
            CheckpointState.CANDIDATE,
        ),
        (
            Kind.EMBEDDING,
            embedding(0.64, 0.62) | {"preference_log_loss": 0.53, "preference_mean_log_loss": 0.58},
            CheckpointState.LIVE,
        ),
        (
            Kind.EMBEDDING,
            embedding(0.64, 0.62) | {"preference_log_loss": 0.59, "preference_mean_log_loss": 0.58},
            CheckpointState.CANDIDATE,
        ),
        (Kind.EMBEDDING, embedding(0.60, 0.62, gain=-0.01), CheckpointState.LIVE),
        (Kind.EMBEDDING, embedding(0.62, 0.62), CheckpointState.CANDIDATE),
        (Kind.EMBEDDING, embedding(0.60, 0.62, gain=-0.03), CheckpointState.CANDIDATE),
        (Kind.POLICY, policy(0.56, 0.51), CheckpointState.LIVE),
        (Kind.POLICY, policy(0.56, 0.49), CheckpointState.CANDIDATE),
    ],
)
def test_the_first_of_its_kind_must_beat_the_trivial_baseline(
    kind: Kind, metrics: dict[str, object], state: CheckpointState
) -> None:
    assert against_baseline(kind, metrics).state == state


def routers(difference: float, error: float = 0.01, warnings: tuple[str, ...] = ()) -> Paired:
    """Two routers on 500 logged duels."""
    return Paired(
        candidate=Estimate(value=0.6 + difference, error=error),
        incumbent=Estimate(value=0.6, error=error),
        difference=Estimate(value=difference, error=error),
        n=500,
        warnings=warnings,
    )


@pytest.mark.parametrize(
    ("difference", "warnings", "state", "words"),
    [
        (0.05, (), CheckpointState.LIVE, "Off-policy: +5.0 points (+3.0 to +7.0) on 500 logged"),
        (-0.01, (), CheckpointState.LIVE, "Off-policy: −1.0 points (−3.0 to +1.0) on 500 logged"),
        (-0.05, (), CheckpointState.REFUSED, "Refused: people prefer the choices of v3: −5.0"),
        (-0.05, ("too few people",), CheckpointState.LIVE, "Not relied on: fewer than 20 people"),
    ],
)
def test_a_router_whose_choices_people_like_less_is_refused_even_if_held_out_is_fine(
    difference: float, warnings: tuple[str, ...], state: CheckpointState, words: str
) -> None:
    held_out = compare(*better_by(2.0), newer={"p0"}, name="v3")
    verdict = with_decisions(held_out, routers(difference, warnings=warnings))
    assert verdict.state == state
    assert words in verdict.reason
    assert "it is better than v3" in verdict.reason
    assert verdict.evidence["difference"] == held_out.evidence["difference"]
    assert verdict.evidence["off_policy"]["difference"] == difference
    assert verdict.evidence["off_policy"]["decisions"] == 500


def test_without_logged_decisions_the_verdict_stands() -> None:
    held_out = compare(*better_by(2.0), newer={"p0"}, name="v3")
    assert with_decisions(held_out, None) is held_out


def test_a_log_never_promotes_what_is_worse_on_held_out_prompts() -> None:
    held_out = compare(*better_by(-2.0), newer={"p0"}, name="v3")
    verdict = with_decisions(held_out, routers(0.2))
    assert verdict.state == CheckpointState.REFUSED
    assert verdict.reason.startswith("Refused: it is worse than v3.")


@pytest.mark.parametrize(
    ("interval", "warnings", "state"),
    [
        ([0.41, 0.48], [], CheckpointState.CANDIDATE),
        ([0.41, 0.51], [], CheckpointState.LIVE),
        ([0.41, 0.48], ["too few people"], CheckpointState.LIVE),
    ],
)
def test_a_first_router_must_not_choose_worse_than_an_average_model_shown(
    interval: list[float], warnings: list[str], state: CheckpointState
) -> None:
    logged = {"duels_dr": 0.45, "duels_dr_ci": interval, "duels_warnings": warnings}
    verdict = against_baseline(Kind.EMBEDDING, embedding(0.60, 0.62) | logged)
    assert verdict.state == state
    assert verdict.evidence["duels_dr_ci"] == interval
