"""Off-policy estimates: equal to plain loops, right in expectation, honest about their error."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.trainers.routed import Routed, routed, softmax_pairs, wins
from trainers.off_policy import estimates as found
from trainers.off_policy.estimates import Estimates, estimates
from trainers.off_policy.log import Log
from trainers.off_policy.terms import Terms, best_of, terms_of
from trainers.statistics.intervals import Estimate, clustered_mean

MODELS = 5


@pytest.fixture(scope="module")
def world() -> Routed:
    return routed(40, MODELS, 0, partial(softmax_pairs, sharpness=1.0, floor=0.2))


def served(log: Log, choice: np.ndarray, questions: np.ndarray) -> np.ndarray:
    """Places among the considered models of a choice by question."""
    places: np.ndarray = log.starts[:-1] + choice[questions]
    return places


def logged(world: Routed, n: int, seed: int) -> tuple[Log, np.ndarray]:
    rng = np.random.default_rng(seed)
    questions = rng.integers(0, len(world.logits), n)
    return world.log(questions, rng, person=rng.integers(0, n // 4, n)), questions


def judged(world: Routed, n: int = 400, seed: int = 1) -> tuple[Log, Terms, Estimates]:
    """A log, and what it says of the router that serves the truly best model."""
    log, questions = logged(world, n, seed)
    guess = world.logits[questions].ravel() + np.random.default_rng(seed).normal(0, 0.5, n * MODELS)
    terms = terms_of(log, served(log, world.logits.argmax(1), questions), guess)
    result = estimates(terms, log.cluster)
    assert result is not None
    return log, terms, result


def naive_terms(log: Log, choice: np.ndarray, logits: np.ndarray) -> list[dict[str, float]]:
    """The formulas of the documentation, one decision and one model at a time."""
    rows = []
    for d in range(len(log)):
        places = range(log.starts[d], log.starts[d + 1])
        whole = sum(log.propensity[place] for place in places)
        rho = {place: log.propensity[place] / whole for place in places}
        c, i, j = int(choice[d]), int(log.first[d]), int(log.second[d])
        direct = sum(rho[place] / (1 + np.exp(logits[place] - logits[c])) for place in places)
        weight, residual, earned = 0.0, 0.0, 0.0
        if c in (i, j):
            other = j if c == i else i
            earned = log.reward[d] if c == i else 1 - log.reward[d]
            weight = rho[other] / (2 * log.pair[d])
            residual = earned - 1 / (1 + np.exp(logits[other] - logits[c]))
        rows.append(
            {
                "ips": weight * earned + rho[c] / 2,
                "dr": direct + weight * residual,
                "weight": weight,
                "share": 1 - rho[c],
                "known": rho[c] / 2,
                "gain": weight * earned,
                "earned": earned,
                "residual": residual,
                "direct": direct,
                "square": (1 - rho[c]) ** 2 / log.propensity[c],
            }
        )
    return rows


def naive_clustered(values: list[float], cluster: np.ndarray) -> tuple[float, float]:
    mean = sum(values) / len(values)
    sums: dict[int, float] = {}
    for value, number in zip(values, cluster, strict=True):
        sums[number] = sums.get(number, 0.0) + value - mean
    square = sum(one**2 for one in sums.values())
    return mean, (len(sums) / (len(sums) - 1) * square) ** 0.5 / len(values)


def test_the_three_estimates_are_the_naive_ones(world: Routed) -> None:
    log, questions = logged(world, 300, 4)
    choice = served(log, world.logits.argmax(1), questions)
    logits = np.random.default_rng(5).normal(size=300 * MODELS)
    result = estimates(terms_of(log, choice, logits), log.cluster)
    assert result is not None
    rows = naive_terms(log, choice, logits)
    column = {name: [row[name] for row in rows] for name in rows[0]}
    for name, base, gain, one in (
        ("ips", "known", "earned", result.ips),
        ("dr", "direct", "residual", result.dr),
    ):
        mean, seen = naive_clustered(column[name], log.cluster)
        assert one.value == pytest.approx(mean, abs=1e-12)
        spread = sum(row["weight"] * row[gain] ** 2 for row in rows) / sum(column["weight"])
        _, at_base = naive_clustered(column[base], log.cluster)
        expected = (at_base**2 + sum(column["square"]) * spread / len(rows) ** 2) ** 0.5
        assert one.error == pytest.approx(max(seen, expected), abs=1e-12)
    ratio = sum(column["gain"]) / sum(column["weight"])
    share, known = np.mean(column["share"]), np.mean(column["known"])
    assert result.snips.value == pytest.approx(share * ratio + known, abs=1e-12)
    weights = column["weight"]
    kish = sum(weights) ** 2 / sum(w * w for w in weights)
    kish_expected = sum(column["share"]) ** 2 / sum(column["square"])
    assert result.effective_n == pytest.approx(min(kish, kish_expected))
    assert result.max_weight == pytest.approx(max(weights))
    assert result.n == 300


def test_the_delta_method_is_the_jackknife_over_clusters(world: Routed) -> None:
    """The error of SNIPS against what leaving out one person at a time says."""
    log, terms, result = judged(world, 1200, 2)

    def snips(rows: np.ndarray) -> float:
        ratio = (terms.weight * terms.reward)[rows].sum() / terms.weight[rows].sum()
        return float(terms.share[rows].mean() * ratio + terms.known[rows].mean())

    people = np.unique(log.cluster)
    left = np.array([snips(log.cluster != person) for person in people])
    jackknife = np.sqrt((len(people) - 1) * np.var(left))
    assert jackknife <= result.snips.error < 1.2 * jackknife


def test_ips_and_dr_are_unbiased_whatever_the_direct_model_says(world: Routed) -> None:
    """The exact expectation over every pair that could be shown and every judgment of it."""
    question, models = 3, MODELS
    single = Routed(world.logits[question : question + 1], world.pairs[question : question + 1])
    wrong = np.array([3.0, -2.0, 0.0, 5.0, -1.0])
    for served_model in range(models):
        expected = {"ips": 0.0, "dr": 0.0, "weight": 0.0}
        for i in range(models):
            for j in range(models):
                for reward in (0.0, 1.0) if i != j else ():
                    log = one_decision(single, i, j, reward)
                    terms = terms_of(log, np.array([served_model]), wrong)
                    win = wins(single.logits[0, i] - single.logits[0, j])
                    chance = single.pairs[0, i, j] * (win if reward else 1.0 - win)
                    ips = terms.weight * terms.reward + terms.known
                    expected["ips"] += chance * ips[0]
                    expected["dr"] += chance * terms.doubly_robust[0]
                    expected["weight"] += chance * (terms.weight - terms.share)[0]
        truth = single.value(np.array([served_model]))
        assert expected["ips"] == pytest.approx(truth, abs=1e-12)
        assert expected["dr"] == pytest.approx(truth, abs=1e-12)
        assert expected["weight"] == pytest.approx(0.0, abs=1e-12)


def one_decision(world: Routed, i: int, j: int, reward: float) -> Log:
    log = world.log(np.array([0]), np.random.default_rng(0))
    pair = world.pairs[0, i, j]
    return replace(
        log,
        first=np.array([i]),
        second=np.array([j]),
        pair=np.array([pair]),
        reward=np.array([reward]),
    )


def test_what_is_shown_is_worth_one_half(world: Routed) -> None:
    """The scale's origin: over the models as they are shown, the value is exactly 1/2."""
    by_question = [
        [Routed(world.logits[q : q + 1], world.pairs[q : q + 1]).value(np.array([m])) * share / 2]
        for q, row in enumerate(world.shown)
        for m, share in enumerate(row)
    ]
    assert np.sum(by_question) / len(world.logits) == pytest.approx(0.5, abs=1e-12)
    assert world.value(world.logits.argmax(1)) > 0.5 > world.value(world.logits.argmin(1))


def test_a_model_that_met_weak_opponents_is_not_taken_for_a_good_one() -> None:
    """Two strong models meet each other; a middling one is shown by chance and meets weak ones.

    Its win rate where it was shown is higher than theirs; its value is lower.
    """
    logits = np.array([[2.0, 1.9, 0.8] + [-2.0] * 9])
    pairs = softmax_pairs(logits[0], sharpness=8.0, floor=0.05)
    world = Routed(logits, pairs[None])
    log = world.log(np.zeros(40_000, np.int64), np.random.default_rng(0))
    shown = {m: (log.first % 12 == m) | (log.second % 12 == m) for m in (0, 2)}
    earned = {
        m: np.where(log.first % 12 == m, log.reward, 1 - log.reward)[rows].mean()
        for m, rows in shown.items()
    }
    assert earned[2] > earned[0] + 0.1
    values = {}
    for model in (0, 2):
        result = estimates(
            terms_of(log, log.starts[:-1] + model, np.zeros(len(log.model))), log.cluster
        )
        assert result is not None
        low, high = result.dr.interval
        assert low <= world.value(np.array([model])) <= high
        values[model] = result.dr.value
    assert values[0] > values[2] + 0.1


def test_intervals_cover_the_truth_about_as_often_as_they_say(world: Routed) -> None:
    truth = world.value(world.logits.argmax(1))
    inside = dict.fromkeys(("ips", "snips", "dr"), 0)
    for seed in range(200):
        *_, result = judged(world, seed=seed)
        for name in inside:
            low, high = getattr(result, name).interval
            inside[name] += low <= truth <= high
    for name, times in inside.items():
        assert 178 <= times <= 199, name  # 95 % of 200 is 190; four deviations are 12


def test_a_good_direct_model_shortens_the_interval(world: Routed) -> None:
    _, _, result = judged(world)
    assert result.dr.error < 0.9 * result.ips.error


def test_errors_are_between_people(world: Routed) -> None:
    """The same judgments said twice by the same people are no new evidence."""
    values, cluster = np.random.default_rng(0).normal(size=100), np.arange(100)
    once = clustered_mean(values, cluster)
    twice = clustered_mean(np.tile(values, 2), np.tile(cluster, 2))
    assert (twice.value, twice.error) == pytest.approx((once.value, once.error))
    assert clustered_mean(np.tile(values, 2), np.arange(200)).error < 0.75 * once.error


def test_thumbs_on_single_answers() -> None:
    """Two of four showed the choice: weights 1/p, rewards 1 and 0."""
    log = Log(
        decision=list("abcd"),
        prompt=list("wxyz"),
        cluster=np.arange(4),
        starts=np.array([0, 2, 4, 6, 8]),
        model=["m", "n"] * 4,
        propensity=np.array([0.8, 0.2, 0.5, 0.5, 0.5, 0.5, 0.9, 0.1]),
        first=np.array([0, 2, 5, 7]),
        second=np.full(4, -1),
        pair=np.array([0.8, 0.5, 0.5, 0.1]),
        reward=np.array([1.0, 0.0, 1.0, 1.0]),
    )
    terms = terms_of(log, log.starts[:-1], np.zeros(8))
    assert terms.weight.tolist() == [1.25, 2.0, 0.0, 0.0]
    result = estimates(terms, log.cluster)
    assert result is not None
    assert result.ips.value == pytest.approx(1.25 / 4)
    assert result.snips.value == pytest.approx(1.25 / 3.25)
    assert result.dr.value == pytest.approx(0.5 + (1.25 * 0.5 - 2.0 * 0.5) / 4)


def test_of_equal_scores_the_first_is_served() -> None:
    log, _ = logged(routed(4, 3, 0, partial(softmax_pairs, sharpness=0.0, floor=1.0)), 8, 0)
    scores = np.tile([1.0, 2.0, 2.0], 8)
    assert (best_of(log, scores) - log.starts[:-1]).tolist() == [1] * 8


def test_an_empty_log_has_no_estimates(world: Routed) -> None:
    log = world.log(np.empty(0, np.int64), np.random.default_rng(0))
    terms = terms_of(log, best_of(log, np.empty(0)), np.empty(0))
    assert estimates(terms, log.cluster) is None


def test_the_weights_square_is_never_more_than_expected(world: Routed) -> None:
    """What the propensities say of E(w^2), against all pairs that could be shown."""
    for choice in range(MODELS):
        pairs, shown = world.pairs[0], world.shown[0]
        exact = sum(
            (shown[j] / 2) ** 2 / (2 * pairs[choice, j]) for j in range(MODELS) if j != choice
        )
        terms = terms_of(one_decision(world, 0, 1, 1.0), np.array([choice]), np.zeros(MODELS))
        assert 0.5 * exact < terms.square[0] <= exact


def test_a_log_that_missed_the_rare_and_heavy_decisions_is_not_certain() -> None:
    """Of 200 duels none showed the third model; on the average it is shown in one of them."""
    logits = np.array([[0.0, 0.0, 1.0]])
    world = Routed(logits, softmax_pairs(np.array([9.0, 9.0, 0.0]), 1.0, floor=0.006)[None])
    questions, rng = np.zeros(200, np.int64), np.random.default_rng(6)
    log = world.log(questions, rng)
    assert not np.isin(np.concatenate([log.first, log.second]) % 3, 2).any()
    result = estimates(terms_of(log, log.starts[:-1] + 2, np.zeros(600)), log.cluster)
    assert result is not None
    assert result.dr.interval[0] < world.value(np.array([2])) < result.dr.interval[1]
    assert found.FEW in result.warnings


# --- warnings -------------------------------------------------------------------------------


def warned(log: Log, terms: Terms) -> tuple[str, ...]:
    return found.warnings_of(terms, log.cluster)


def test_a_log_that_supports_the_router_warns_of_nothing(world: Routed) -> None:
    log, terms, result = judged(world)
    assert result.warnings == () == warned(log, terms)


def test_a_log_that_does_not_support_the_router_says_so() -> None:
    world = routed(40, 30, 1, partial(softmax_pairs, sharpness=6.0, floor=0.02))
    rng = np.random.default_rng(2)
    questions = rng.integers(0, 40, 2000)
    log = world.log(questions, rng)
    worst = served(log, world.logits.argmin(1), questions)
    assert found.FEW in warned(log, terms_of(log, worst, np.zeros(2000 * 30)))


def test_one_heavy_decision_few_people_and_impossible_choices_are_named(world: Routed) -> None:
    log, terms, _ = judged(world)
    heavy = terms.weight.copy()
    heavy[0] = 0.2 * heavy.sum()
    assert found.HEAVY in warned(log, replace(terms, weight=heavy))
    assert found.PEOPLE in warned(replace(log, cluster=log.cluster % 19), terms)
    square = terms.square.copy()
    square[7] = np.inf
    assert found.UNSUPPORTED in warned(log, replace(terms, square=square))


def test_propensities_that_were_not_those_of_the_draw_are_noticed(world: Routed) -> None:
    log, questions = logged(world, 4000, 3)
    wrong = replace(log, pair=np.full(len(log), 1 / (MODELS * (MODELS - 1))))
    choice = served(log, world.logits.argmax(1), questions)
    assert found.BALANCE in warned(log, terms_of(wrong, choice, np.zeros(4000 * MODELS)))


def test_a_normal_interval() -> None:
    assert Estimate(value=0.5, error=0.1).interval == pytest.approx((0.304, 0.696), abs=1e-3)
