"""Raters held against the others, and Dawid–Skene beside crowd-kit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from crowdkit.aggregation import DawidSkene, MajorityVote

from tests.trainers.test_consensus import simulate
from trainers.statistics.consensus import CLASSES, K, dawid_skene
from trainers.statistics.intervals import wilson
from trainers.statistics.reliability import against_others

pytestmark = pytest.mark.filterwarnings("ignore::Warning:crowdkit")

TrainingResult = tuple[np.ndarray, np.ndarray, np.ndarray]


def columns(votes: list[tuple[int, int, int]]) -> TrainingResult:
    item, rater, choice = np.array(votes).T
    return item, rater, choice


def test_a_vote_is_held_against_the_posterior_of_the_others() -> None:
    _, votes, _ = simulate(0, items=80, raters=10, votes=3)
    item, rater, choice = columns(votes)
    found = dawid_skene(item, rater, choice, n_items=80, rater_groups=np.zeros(10))
    got = against_others(found, item, rater, choice, rater_groups=np.zeros(10), weights=np.ones(10))
    agreements: dict[int, list[float]] = {}
    for own, (i, r, c) in enumerate(votes):
        chance = found.shares.copy()
        for other, (j, s, d) in enumerate(votes):
            if other != own and j == i:
                chance = chance * found.confusions[s, :, d]
        agreements.setdefault(r, []).append((chance / chance.sum())[c])
    expected = [np.mean(agreements[r]) for r in range(10)]
    # the posterior is the one of EM's last step but one: within its tolerance
    assert got.agreement == pytest.approx(expected, abs=1e-3)
    assert got.compared.tolist() == [len(agreements[r]) for r in range(10)]


def test_those_who_guess_weigh_little_and_the_others_much() -> None:
    rng = np.random.default_rng(4)
    _, votes, _ = simulate(4, items=600, raters=20, votes=4)
    item, rater, choice = columns(votes)
    truths, _, _ = simulate(4, items=600, raters=20, votes=4)
    right = rng.random(len(item)) < 0.85
    choice = np.where(right, truths[item], rng.integers(0, K, len(item)))
    choice[rater == 0] = rng.integers(0, K, (rater == 0).sum())
    choice[rater == 1] = 0  # always the same
    groups, weights = np.zeros(20), np.ones(20)
    found = dawid_skene(item, rater, choice, n_items=600, rater_groups=groups)
    got = against_others(found, item, rater, choice, rater_groups=groups, weights=weights)
    assert got.weight[:2].max() < 0.25
    assert got.weight[2:].min() > 0.8


def test_few_judgments_take_little_weight_and_none_takes_nothing() -> None:
    item, rater, choice = columns([(0, 0, 0), (0, 1, 0), (0, 2, 1), (1, 3, 0)])
    groups, weights = np.zeros(4), np.ones(4)
    found = dawid_skene(item, rater, choice, n_items=2, rater_groups=groups)
    got = against_others(found, item, rater, choice, rater_groups=groups, weights=weights)
    assert got.weight.min() > 0.75
    assert got.compared.tolist() == [1, 1, 1, 0]
    assert np.isnan(got.agreement[3])
    assert (got.low[3], got.high[3]) == pytest.approx((0, 1))


def test_a_vote_that_weighs_half_moves_the_consensus_less() -> None:
    item, rater, choice = columns([(0, 0, 0), (0, 1, 1)])
    whole = dawid_skene(item, rater, choice, n_items=1, rater_groups=[0, 0])
    half = dawid_skene(
        item, rater, choice, n_items=1, rater_groups=[0, 0], rater_weights=[1.0, 0.3]
    )
    assert whole.posteriors[0, 0] == pytest.approx(whole.posteriors[0, 1])
    assert half.posteriors[0, 0] > half.posteriors[0, 1] + 0.1
    twice = dawid_skene([0, 0], [0, 0], [0, 0], n_items=1, rater_groups=[0])
    doubled = dawid_skene([0], [0], [0], n_items=1, rater_groups=[0], rater_weights=[2.0])
    assert doubled.posteriors == pytest.approx(twice.posteriors)


def test_wilsons_interval() -> None:
    low, high = wilson(0.5, 10)  # 0.2366 and 0.7634 in Agresti & Coull (1998)
    assert (float(low), float(high)) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_on_clean_simulations_crowd_kit_says_the_same() -> None:
    truths, _, _ = simulate(9)
    rng = np.random.default_rng(9)
    rater = np.concatenate([rng.choice(30, 7, replace=False) for _ in range(400)])
    item = np.repeat(np.arange(400), 7)
    choice = np.where(rng.random(len(item)) < 0.8, truths[item], rng.integers(0, K, len(item)))
    ours = dawid_skene(item, rater, choice, n_items=400, rater_groups=np.zeros(30))
    frame = pd.DataFrame({"task": item, "worker": rater, "label": choice})
    peer = DawidSkene(n_iter=200).fit_predict(frame).sort_index().to_numpy()
    assert (ours.posteriors.argmax(axis=1) == peer).mean() > 0.98


def test_on_real_votes_it_agrees_with_crowd_kit_and_foretells_more(shared_data: Path) -> None:
    """UKPConvArg, every fourth pair: with one vote of each pair held out, whose consensus of the
    rest names it more often: ours, crowd-kit's Dawid–Skene or a majority?"""
    table = pq.read_table(shared_data / "ukpconv_votes.parquet").to_pandas()
    codes = {"a1": CLASSES.index("a"), "a2": CLASSES.index("b"), "equal": CLASSES.index("tie")}
    frame = pd.DataFrame(
        {
            "task": pd.factorize(table["pair_id"])[0],
            "worker": pd.factorize(table["annotator_id"])[0],
            "label": table["value"].map(codes),
        }
    )
    frame = frame[frame["task"] % 4 == 0].copy()
    frame["task"] = pd.factorize(frame["task"])[0]
    frame["worker"] = pd.factorize(frame["worker"])[0]
    held = frame.sample(frac=1, random_state=0).drop_duplicates("task").index
    kept, left = frame.drop(held), frame.loc[held].set_index("task")["label"].sort_index()
    n_items, n_raters = frame["task"].max() + 1, frame["worker"].max() + 1
    ours = dawid_skene(
        kept["task"], kept["worker"], kept["label"],
        n_items=n_items, rater_groups=np.zeros(n_raters),
    ).posteriors.argmax(axis=1)  # fmt: skip
    peer = DawidSkene(n_iter=100).fit_predict(kept).reindex(left.index).to_numpy()
    majority = MajorityVote().fit_predict(kept).reindex(left.index).to_numpy()
    mine = ours[left.index]
    share = {name: (said == left).mean() for name, said in
             (("ours", mine), ("crowd-kit", peer), ("majority", majority))}  # fmt: skip
    assert share["ours"] > share["crowd-kit"], share
    assert share["ours"] > share["majority"] - 0.005, share
