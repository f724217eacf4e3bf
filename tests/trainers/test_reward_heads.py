"""Heads of frozen mode on made-up vectors: circles, aspects, ensembles, ties, control, noise."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from trainers.data.comparisons import Comparisons
from trainers.data.holdout import Holdout
from trainers.errors import InputError
from trainers.objectives.losses import bradley_terry_loss
from trainers.progress import Progress
from trainers.reward.answers import Answer
from trainers.reward.aspects import Aspect
from trainers.reward.bias import measure_bias
from trainers.reward.calibrate import shrunk_temperature
from trainers.reward.config import Config
from trainers.reward.data import Pairs
from trainers.reward.evaluate import Judged
from trainers.reward.finite import DivergedError, check_finite
from trainers.reward.frozen.features import Features
from trainers.reward.frozen.fit import Fitted
from trainers.reward.frozen.folds import make_folds
from trainers.reward.frozen.kinds import pair_gaps
from trainers.reward.frozen.train import Heads
from trainers.reward.judge import disagreement
from trainers.reward.noise import peer_margins, set_aside
from trainers.reward.objective import Objective, Targets
from trainers.reward.surface import SURFACE_FEATURES
from trainers.statistics.measures import fit_tie, outcome_probabilities

SIZE = 8
CONFIG = Config(device="cpu", twin=False, members=1, head="linear", epochs=60, dropout=0.0)


def made_pairs(first: np.ndarray, second: np.ndarray, label: np.ndarray, answers: int) -> Pairs:
    """Pairs of numbered answers, of as many prompts as there are pairs; nine tenths train."""
    n = len(first)
    names = np.array([f"p{row}" for row in range(n)], object)
    nothing = np.zeros(n)
    held = np.arange(n) % 10 == 0
    return Pairs(
        comparisons=Comparisons(
            *([names] * 6), label=label, tie=nothing, strength=nothing, weight=nothing + 1.0
        ),
        holdout=Holdout(np.flatnonzero(~held), np.flatnonzero(held), np.flatnonzero(held)),
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


def fitted(pairs: Pairs, features: Features, config: Config) -> Fitted:
    return Heads(pairs, features, config, Progress(io.StringIO())).fit()[0]


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
def test_a_circle_of_preferences_is_learned_by_vectors_and_by_no_scalar(
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
    config = replace(CONFIG, kind=kind, loss="bradley_terry", learning_rate=0.02, patience=30)
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
    found = fitted(pairs, made_features(vectors), replace(CONFIG, kind="gpm", epochs=5))
    outputs = found.model.outputs(made_features(vectors))
    opponents = outputs[pairs.training_answers]
    naive = torch.stack([pair_gaps("gpm", one[None], opponents).mean(0) for one in outputs[:20]])
    assert torch.allclose(found.model.rewards(outputs)[:20], naive, atol=1e-5)


def test_members_differ_more_away_from_the_data_than_on_it() -> None:
    pairs, vectors, _ = ranked()
    config = replace(CONFIG, members=5, head="mlp", prior=0.5, epochs=20, hidden=16)
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
    config = replace(CONFIG, members=3, epochs=2, patience=2)
    folds = make_folds(pairs, 3)
    turned = pairs.comparisons.label.copy()
    own = folds.rows[folds.member == 1]
    turned[own] = 1.0 - turned[own]
    other = replace(pairs, comparisons=replace(pairs.comparisons, label=turned))
    config = replace(config, epochs=1)
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
        name: Aspect((side > 0).astype(float), 0 * seen, seen)
        for name, side in zip(("clear", "true"), sides, strict=True)
    }
    overall = (0.3 * sides[0] + 0.7 * sides[1] > 0).astype(float)
    pairs = replace(pairs, aspects=aspects, comparisons=replace(pairs.comparisons, label=overall))
    given = "clear=0.3, true=0.7"
    config = replace(CONFIG, kind="attributes", combination=given, learning_rate=0.02, patience=30)
    config = replace(config, loss="bradley_terry")
    model = fitted(pairs, made_features(vectors), config).model
    outputs = model.outputs(made_features(vectors)).numpy()[:, 0]
    for number, side in enumerate(sides, 1):
        gaps = outputs[pairs.first, number] - outputs[pairs.second, number]
        assert ((gaps > 0) == (side > 0)).mean() > 0.9
    assert outputs[:, 0] == pytest.approx(0.3 * outputs[:, 1] + 0.7 * outputs[:, 2], abs=1e-4)
    with pytest.raises(InputError, match="'kind' is no aspect"):
        fitted(pairs, made_features(vectors), replace(config, combination="kind=1"))


def test_aspects_that_nobody_judged_are_refused() -> None:
    pairs, vectors, _ = ranked(n=100)
    with pytest.raises(InputError, match="aspect"):
        fitted(pairs, made_features(vectors), replace(CONFIG, kind="attributes"))


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
    targets = Targets(label, nothing, nothing, nothing + 1.0, control)
    objective = Objective(None, offset=torch.tensor([1.7]))
    gap = torch.zeros(3000, requires_grad=True)
    objective(gap, targets).loss.backward()
    assert gap.grad is not None
    assert gap.grad.abs().max().item() < 1e-7
    leaning = Objective(None, decorrelate=1.0)(control[:, 0], targets).loss
    assert leaning.item() > Objective(None)(control[:, 0], targets).loss.item() + 0.9


def test_bias_says_what_a_model_leans_on() -> None:
    pairs, _, _ = ranked()
    rows = pairs.holdout.test
    longer = pairs.lengths[pairs.first[rows]] - pairs.lengths[pairs.second[rows]]
    labels = np.random.default_rng(3).integers(0, 2, len(rows)).astype(float)
    lover = Judged(longer, -longer, labels, np.arange(len(rows)))
    found = measure_bias(pairs, lover)
    assert found["length"]["longer_wins_by_model"] == 1.0
    assert found["length"]["accuracy_where_longer_won"] == 1.0
    assert found["length"]["accuracy_where_shorter_won"] == 0.0
    assert found["length"]["correlation"] > 0.9
    assert found["position"]["swap_difference"] == pytest.approx(0.0, abs=1e-12)
    partial = Judged(longer + 1.0, -longer + 1.0, labels, np.arange(len(rows)))
    assert measure_bias(pairs, partial)["position"]["swap_difference"] > 0.4


def linear_peers(noise: float, *, handed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Card 9's check: a logistic reward in R^10, 5,000 pairs, 40 % of the labels turned round."""
    random = np.random.default_rng(0)
    difference = random.normal(size=(5000, 10)).astype(np.float32)
    truth = (difference @ random.normal(size=10) > 0).astype(float)
    wrong = random.random(5000) < 0.4
    rows = torch.from_numpy(difference)
    torch.manual_seed(0)
    peers = [torch.nn.Linear(10, 1, bias=False) for _ in range(2)]
    first, second = (torch.optim.Adam(peer.parameters(), lr=0.01) for peer in peers)
    margins = peer_margins(
        np.where(wrong, 1 - truth, truth),
        noise,
        lambda peer, places: peers[peer](rows[places]).squeeze(1),
        (first, second),
        batch=128,
        seed=0,
        handed=handed,
    )
    return margins, wrong, truth


def test_peers_find_labels_that_were_turned_round() -> None:
    margins, wrong, _ = linear_peers(0.4, handed=True)
    kept = np.argsort(-margins)[:3000]
    assert (~wrong[kept]).mean() > 0.8  # 0.6 without looking


def test_what_peers_doubt_is_set_aside_and_the_rest_is_not() -> None:
    pairs, _, _ = ranked(n=400)
    rows = np.concatenate([pairs.holdout.train, pairs.holdout.validation])
    margins = np.linspace(-1, 1, len(rows))
    found = set_aside(pairs, rows, margins, 0.1)
    assert found.rows.tolist() == rows[:40].tolist()
    assert found.report(pairs)[0] == {
        "comparison_id": str(pairs.comparisons.comparison_id[rows[0]]),
        "label": float(pairs.comparisons.label[rows[0]]),
        "margin": -1.0,
    }
    assert len(set_aside(pairs, rows, margins + 2.0, 0.1).rows) == 0  # nobody doubts these
