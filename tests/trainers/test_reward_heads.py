"""Heads of frozen mode on made-up vectors: cycles, aspects, ensembles, ties, control, noise."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainers.configs import changed
from trainers.data.comparisons import ABOUT, Comparisons
from trainers.data.holdout import Holdout
from trainers.errors import InputError
from trainers.objectives.losses import bradley_terry_loss
from trainers.objectives.pairwise import Objective, Targets
from trainers.progress import Progress
from trainers.reward.aspects import Aspect
from trainers.reward.calibrate import shrunk_temperature
from trainers.reward.config import REWARD, FrozenConfig
from trainers.reward.data import Pairs
from trainers.reward.evaluate import EvaluationResult, measure_bias
from trainers.reward.features import Features
from trainers.reward.folds import make_folds
from trainers.reward.frozen_mode import HeadTrials
from trainers.reward.head import pair_gaps
from trainers.reward.head_fit import HeadResult
from trainers.reward.model import Answer, disagreement
from trainers.reward.noise import co_teaching_margins, quarantine
from trainers.reward.surface import SURFACE_FEATURES
from trainers.statistics.measures import fit_tie, outcome_probabilities
from trainers.tuning.divergence import DivergedError, check_finite

SIZE = 8
CONFIG: FrozenConfig = REWARD.read(
    {
        "device": "cpu",
        "train_baseline": False,
        "head.ensemble_size": 1,
        "head.architecture": "linear",
        "optim.num_train_epochs": 60,
        "dropout": 0.0,
    }
)


def made_pairs(first: np.ndarray, second: np.ndarray, label: np.ndarray, answers: int) -> Pairs:
    """Pairs of numbered answers, of as many prompts as there are pairs; nine tenths train."""
    n = len(first)
    names = np.array([f"p{row}" for row in range(n)], object)
    nothing = np.zeros(n)
    held = np.arange(n) % 10 == 0
    return Pairs(
        comparisons=Comparisons(
            **dict.fromkeys(["comparison_id", *ABOUT], names),
            label=label,
            tie=nothing,
            strength=nothing,
            weight=nothing + 1.0,
        ),
        holdout=Holdout(
            train=np.flatnonzero(~held), validation=np.flatnonzero(held), test=np.flatnonzero(held)
        ),
        first=first,
        second=second,
        answers=[Answer([], "x" * (1 + row % 7)) for row in range(answers)],
        aspects={},
        skipped=0,
        identical=0,
    )


def made_features(vectors: np.ndarray) -> Features:
    n = len(vectors)
    return Features(
        prompt=np.eye(1, vectors.shape[1], dtype=np.float32),
        prompt_of=np.zeros(n, np.int64),
        response=vectors.astype(np.float32),
        surface=np.zeros((n, len(SURFACE_FEATURES)), np.float32),
    )


def fitted(pairs: Pairs, features: Features, config: FrozenConfig) -> HeadResult:
    return HeadTrials(pairs, features, config, Progress(io.StringIO())).fit()[0]


def ranked(seed: int = 0, n: int = 1500) -> tuple[Pairs, np.ndarray, np.ndarray]:
    """Answers with a linear truth, pairs with the labels of a Bradley–Terry world."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(400, SIZE)) / math.sqrt(SIZE)
    truth = vectors @ (4.0 * random.normal(size=SIZE))
    first = random.integers(0, 400, n)
    second = (first + random.integers(1, 400, n)) % 400
    chance = 1 / (1 + np.exp(truth[second] - truth[first]))
    label = (random.random(n) < chance).astype(float)
    return made_pairs(first, second, label, 400), vectors, truth


@pytest.mark.parametrize(("kind", "least", "most"), [("gpm", 0.99, 1.0), ("scalar", 0.0, 0.75)])
def test_a_cycle_of_preferences_is_learned_by_vectors_and_by_no_scalar(
    kind: str, least: float, most: float
) -> None:
    """Rock, paper, scissors, a little noise beside them: a scalar is right on two thirds."""
    random = np.random.default_rng(0)
    sort = random.integers(0, 3, 300)
    vectors = np.eye(3, SIZE)[sort] + 0.05 * random.normal(size=(300, SIZE))
    first, second = random.integers(0, 300, 1200), random.integers(0, 300, 1200)
    differ = sort[first] != sort[second]
    first, second = first[differ], second[differ]
    label = ((sort[first] - sort[second]) % 3 == 1).astype(float)
    config = changed(
        CONFIG,
        {
            "head.kind": kind,
            "loss.type": "bradley_terry",
            "optim.learning_rate": 0.02,
            "early_stopping_patience": 30,
        },
    )
    found = fitted(made_pairs(first, second, label, 300), made_features(vectors), config)
    outputs = found.model.outputs(made_features(vectors))
    gaps = pair_gaps(found.model.kind, outputs[first], outputs[second]).mean(1).numpy()
    assert least <= ((gaps > 0) == (label > 0.5)).mean() <= most


def test_vectors_compare_antisymmetrically_to_the_last_bit() -> None:
    first, second = torch.randn(50, 2, 6), torch.randn(50, 2, 6)
    there, back = pair_gaps("gpm", first, second), pair_gaps("gpm", second, first)
    assert torch.equal(there, -back)
    assert torch.equal(pair_gaps("gpm", first, first), torch.zeros(50, 2))


def test_vectors_r_and_one_are_bradley_terry() -> None:
    rewards = torch.randn(2, 20, 1, dtype=torch.float64)
    vectors = torch.stack([rewards, torch.ones_like(rewards)], -1)
    gaps = pair_gaps("gpm", vectors[0], vectors[1])
    label = torch.rand(20, 1, dtype=torch.float64)
    plain = bradley_terry_loss(rewards[0] - rewards[1], label)
    assert torch.allclose(bradley_terry_loss(gaps, label), plain)


def test_a_gpm_score_is_the_mean_preference_over_the_training_answers() -> None:
    pairs, vectors, _ = ranked()
    found = fitted(
        pairs,
        made_features(vectors),
        changed(CONFIG, {"head.kind": "gpm", "optim.num_train_epochs": 5}),
    )
    outputs = found.model.outputs(made_features(vectors))
    opponents = outputs[pairs.training_answers]
    naive = torch.stack([pair_gaps("gpm", one[None], opponents).mean(0) for one in outputs[:20]])
    assert torch.allclose(found.model.rewards(outputs)[:20], naive, atol=1e-5)


def test_members_differ_more_away_from_the_data_than_on_it() -> None:
    pairs, vectors, _ = ranked()
    config = changed(
        CONFIG,
        {
            "head.ensemble_size": 5,
            "head.architecture": "mlp",
            "head.prior_scale": 0.5,
            "optim.num_train_epochs": 20,
            "features.hidden_size": 16,
        },
    )
    model = fitted(pairs, made_features(vectors), config).model
    away = 4.0 * np.random.default_rng(1).normal(size=(400, SIZE)) / math.sqrt(SIZE)

    def unsure(points: np.ndarray) -> float:
        outputs = model.outputs(made_features(points)).numpy()
        gaps = (outputs[:200] - outputs[200:])[..., 0]
        return float(gaps.std(1).mean())

    assert unsure(away) > 2.0 * unsure(vectors)


def test_disagreement_is_zero_for_one_member_and_log_two_at_most() -> None:
    assert disagreement(np.array([[3.0], [-8.0], [0.0]])).tolist() == [0.0, 0.0, 0.0]
    assert disagreement(np.array([[900.0, -900.0]]))[0] == pytest.approx(math.log(2))
    assert disagreement(np.array([[1.0, 1.0, 1.0]]))[0] == pytest.approx(0.0, abs=1e-12)


def test_each_member_leaves_out_its_own_fold_of_whole_prompts() -> None:
    pairs, _, _ = ranked()
    prompts = np.array([f"p{row // 10}" for row in range(len(pairs.first))], object)
    pairs = replace(pairs, comparisons=replace(pairs.comparisons, prompt_id=prompts))
    folds = make_folds(pairs, 4)
    owners = {}
    for row, member in zip(folds.rows, folds.member, strict=True):
        assert owners.setdefault(prompts[row], member) == member
    trains = folds.trains(np.arange(len(folds.rows)))
    assert (trains.sum(1) == 3).all()
    assert sorted(set(folds.member)) == [0, 1, 2, 3]


def test_a_member_of_an_ensemble_trains_as_if_alone_on_its_part() -> None:
    """Labels of the pairs that a member holds out do not reach it."""
    pairs, vectors, _ = ranked()
    config = changed(
        CONFIG, {"head.ensemble_size": 3, "optim.num_train_epochs": 2, "early_stopping_patience": 2}
    )
    folds = make_folds(pairs, 3)
    turned = pairs.comparisons.label.copy()
    own = folds.rows[folds.member == 1]
    turned[own] = 1.0 - turned[own]
    other = replace(pairs, comparisons=replace(pairs.comparisons, label=turned))
    config = changed(config, {"optim.num_train_epochs": 1})
    one, two = (fitted(part, made_features(vectors), config).model for part in (pairs, other))
    assert torch.equal(one.outer[1], two.outer[1])
    assert not torch.equal(one.outer[0], two.outer[0])


def test_aspects_are_learned_apart_and_the_given_combination_is_kept() -> None:
    pairs, vectors, _ = ranked(n=2500)
    random = np.random.default_rng(5)
    weights = 5 * random.normal(size=(2, SIZE))
    sides = [(vectors @ w)[pairs.first] - (vectors @ w)[pairs.second] for w in weights]
    seen = np.ones(len(pairs.first))
    aspects = {
        name: Aspect(label=(side > 0).astype(float), tie=0 * seen, raters=seen)
        for name, side in zip(("clear", "true"), sides, strict=True)
    }
    overall = (0.3 * sides[0] + 0.7 * sides[1] > 0).astype(float)
    pairs = replace(pairs, aspects=aspects, comparisons=replace(pairs.comparisons, label=overall))
    given = "clear=0.3, true=0.7"
    config = changed(
        CONFIG,
        {
            "head.kind": "attributes",
            "head.combination": given,
            "optim.learning_rate": 0.02,
            "early_stopping_patience": 30,
        },
    )
    config = changed(config, {"loss.type": "bradley_terry"})
    model = fitted(pairs, made_features(vectors), config).model
    outputs = model.outputs(made_features(vectors)).numpy()[:, 0]
    for number, side in enumerate(sides, 1):
        gaps = outputs[pairs.first, number] - outputs[pairs.second, number]
        assert ((gaps > 0) == (side > 0)).mean() > 0.9
    assert outputs[:, 0] == pytest.approx(0.3 * outputs[:, 1] + 0.7 * outputs[:, 2], abs=1e-4)
    with pytest.raises(InputError, match="'kind' is no aspect"):
        fitted(pairs, made_features(vectors), changed(config, {"head.combination": "kind=1"}))


def test_aspects_that_nobody_judged_are_refused() -> None:
    pairs, vectors, _ = ranked(n=100)
    with pytest.raises(InputError, match="aspect"):
        fitted(pairs, made_features(vectors), changed(CONFIG, {"head.kind": "attributes"}))


def test_a_loss_that_is_not_a_number_names_its_batch() -> None:
    with pytest.raises(DivergedError, match="nan on the batch of comparisons c1, c2"):
        check_finite(torch.tensor(math.nan), ["c1", "c2"])
    pairs, vectors, _ = ranked(n=200)
    vectors[7] = np.nan
    with pytest.raises(DivergedError, match="batch of comparisons p"):
        fitted(pairs, made_features(vectors), CONFIG)


def test_ties_are_as_likely_as_they_were() -> None:
    random = np.random.default_rng(0)
    gaps = 2.0 * random.normal(size=4000)
    chances = outcome_probabilities(gaps, 0.8)
    assert chances.sum(1) == pytest.approx(np.ones(4000))
    assert chances[:, 0] / (chances[:, 0] + chances[:, 1]) == pytest.approx(1 / (1 + np.exp(-gaps)))
    ties = (random.random(4000) < chances[:, 2]).astype(float)
    assert fit_tie(gaps, ties, np.ones(4000)) == pytest.approx(0.8, rel=0.1)
    assert outcome_probabilities(np.array([900.0, -900.0]), 1.0)[:, 0] == pytest.approx([1.0, 0.0])


def test_few_pairs_are_believed_less_than_many() -> None:
    random = np.random.default_rng(1)
    gaps = 2.0 * random.normal(size=2000)
    labels = (random.random(2000) < 1 / (1 + np.exp(-gaps))).astype(float)
    assert shrunk_temperature(gaps, labels, np.ones(2000)) == pytest.approx(1.0, rel=0.1)
    always = np.array([1.0, 2.0, 0.5])
    assert 1.0 < shrunk_temperature(always, np.ones(3), np.ones(3)) < 10.0


def test_the_offset_takes_over_what_is_controlled() -> None:
    """Labels follow length alone: with the offset shown, the best gap is none."""
    control = torch.randn(3000, 1)
    label = torch.sigmoid(1.7 * control[:, 0])
    nothing = torch.zeros(3000)
    targets = Targets(
        label=label, tie=nothing, margin=nothing, weight=nothing + 1.0, control=control
    )
    objective = Objective(offset=torch.tensor([1.7]))
    gap = torch.zeros(3000, requires_grad=True)
    objective(gap, targets).loss.backward()
    assert gap.grad is not None
    assert gap.grad.abs().max().item() < 1e-7
    leaning = Objective(decorrelate=1.0)(control[:, 0], targets).loss
    assert leaning.item() > Objective()(control[:, 0], targets).loss.item() + 0.9


def test_bias_says_what_a_model_leans_on() -> None:
    pairs, _, _ = ranked()
    rows = pairs.holdout.test
    longer = pairs.lengths[pairs.first[rows]] - pairs.lengths[pairs.second[rows]]
    labels = np.random.default_rng(3).integers(0, 2, len(rows)).astype(float)
    lover = EvaluationResult(
        logits=longer, swapped=-longer, labels=labels, cluster=np.arange(len(rows))
    )
    found = measure_bias(pairs, lover)
    assert found["length"]["longer_wins_by_model"] == 1.0
    assert found["length"]["accuracy_where_longer_won"] == 1.0
    assert found["length"]["accuracy_where_shorter_won"] == 0.0
    assert found["length"]["correlation"] > 0.9
    assert found["position"]["swap_difference"] == pytest.approx(0.0, abs=1e-12)
    partial = replace(lover, logits=longer + 1.0, swapped=-longer + 1.0)
    assert measure_bias(pairs, partial)["position"]["swap_difference"] > 0.4


def linear_heads(noise: float, *, exchanged: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Card 9's check: a logistic reward in R^10, 5,000 pairs, 40 % of the labels turned round."""
    random = np.random.default_rng(0)
    difference = random.normal(size=(5000, 10)).astype(np.float32)
    truth = (difference @ random.normal(size=10) > 0).astype(float)
    wrong = random.random(5000) < 0.4
    rows = torch.from_numpy(difference)
    torch.manual_seed(0)
    heads = [torch.nn.Linear(10, 1, bias=False) for _ in range(2)]
    first, second = (torch.optim.Adam(head.parameters(), lr=0.01) for head in heads)
    margins = co_teaching_margins(
        np.where(wrong, 1 - truth, truth),
        noise,
        lambda head, places: heads[head](rows[places]).squeeze(1),
        (first, second),
        batch_size=128,
        seed=0,
        exchanged=exchanged,
    )
    return margins, wrong, truth


def test_co_teaching_finds_labels_that_were_turned_round() -> None:
    margins, wrong, _ = linear_heads(0.4, exchanged=True)
    kept = np.argsort(-margins)[:3000]
    assert (~wrong[kept]).mean() > 0.8  # 0.6 without looking


def test_what_both_heads_doubt_is_quarantined_and_the_rest_is_not() -> None:
    pairs, _, _ = ranked(n=400)
    rows = np.concatenate([pairs.holdout.train, pairs.holdout.validation])
    margins = np.linspace(-1, 1, len(rows))
    found = quarantine(pairs, rows, margins, 0.1)
    assert found.rows.tolist() == rows[:40].tolist()
    assert found.report(pairs)[0] == {
        "comparison_id": str(pairs.comparisons.comparison_id[rows[0]]),
        "label": float(pairs.comparisons.label[rows[0]]),
        "margin": -1.0,
    }
    assert len(quarantine(pairs, rows, margins + 2.0, 0.1).rows) == 0  # nobody doubts these
