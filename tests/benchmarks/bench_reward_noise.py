"""Wrong labels on real pairs: each loss alone, and with collaborative filtering before it.

    PYTHONPATH=. python tests/benchmarks/bench_reward_noise.py [--data ukp|human] [--seconds 3000]
                                                               [--only NAME …]

Of the training and validation labels 0, 20 and 40 % are turned round, and no test label. UKPConvArg
is divided by topic, human_pairs by prompt, into four folds, each the test once. The filter is told
the share that was flipped (where none was: 5 %). Also: how many of the quarantined labels had been
turned round, and what share of those that had been is quarantined. Prints JSON.
"""

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np

from tests.benchmarks import reward_trials as trials
from tests.benchmarks.bench_reward_ukp import read_ukp
from trainers.reward.config import REWARD
from trainers.reward.data import Pairs
from trainers.reward.noise import find_noise, without

FOLDS = 4
LEAST = 0.05  # what the filter is told where no label was turned round
BASE: dict[str, Any] = {
    "loss.type": "adaptive",
    "train_baseline": False,
    "device": "cpu",
    "head.ensemble_size": 1,
    "head.architecture": "linear",
}
LOSSES: dict[str, dict[str, Any]] = {
    "Bradley–Terry": {"loss.type": "bradley_terry"},
    "adaptive (rho0 .1, tau_max 4)": {},
    "quadratic (rho0 .1)": {"scaling.variant": "quadratic", "scaling.tau_max": float("inf")},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", choices=("ukp", "human"), default="ukp")
    parser.add_argument("--seconds", type=float, default=3000.0)
    parser.add_argument("--only", nargs="*", default=list(LOSSES), choices=LOSSES)
    how = parser.parse_args()
    bound = trials.Bound(how.seconds)
    pairs = read_ukp()[0] if how.data == "ukp" else trials.read_file("human_pairs")
    base = {**BASE, "optim.train_batch_size": 512 if how.data == "ukp" else 256}
    features = trials.features_of(pairs, REWARD.read(base))
    report: dict[str, Any] = {"pairs": len(pairs.first)}
    for rate in (0.0, 0.2, 0.4):
        found: dict[str, list[np.ndarray]] = {}
        caught: list[tuple[int, int, int]] = []
        labels: list[np.ndarray] = []
        clusters: list[np.ndarray] = []
        for number, part in enumerate(divisions(pairs)):
            if bound.over:
                break
            flipped, which = flip(part, rate, number)
            settings = {**base, "optim.num_train_epochs": 40, "early_stopping_patience": 5}
            told = REWARD.read({**settings, "noise": max(rate, LEAST)})
            doubted = find_noise(flipped, told)
            caught.append((len(doubted.rows), int(which[doubted.rows].sum()), int(which.sum())))
            kept = without(flipped, doubted)
            for name in how.only:
                own = REWARD.read({**settings, **LOSSES[name]})
                for title, trained in ((name, flipped), (f"{name}, filtered", kept)):
                    found.setdefault(title, []).append(
                        trials.run_trial(trained, features, own).logits
                    )
            labels.append((pairs.comparisons.label[part.holdout.test] > 0.5).astype(float))
            clusters.append(pairs.comparisons.prompt_id[part.holdout.test].astype(str))
        if not labels:
            break
        cluster = np.unique(np.concatenate(clusters), return_inverse=True)[1]
        truth = np.concatenate(labels)
        measured = {
            name: trials.measured(np.concatenate(parts), truth, cluster)
            for name, parts in found.items()
        }
        set_aside, right, all_flipped = (sum(column) for column in zip(*caught, strict=True))
        report[f"{rate:.0%}"] = {
            **measured,
            "quarantined": set_aside,
            "quarantined_and_flipped": right,
            "flipped": all_flipped,
            "folds": len(labels),
        }
        trials.note(f"{rate}: {report[f'{rate:.0%}']}")
    print(json.dumps(report, ensure_ascii=False))


def divisions(pairs: Pairs) -> list[Pairs]:
    """Each fold is the test once; a tenth of the others' prompts validates."""
    prompts = pairs.comparisons.prompt_id
    found = []
    for number, test in enumerate(trials.folds_of(prompts, 0, FOLDS)):
        rest = np.setdiff1d(np.arange(len(prompts)), test)
        held = next(trials.folds_of(prompts[rest], number + 1, 10))
        test = test[pairs.comparisons.not_tied[test]]
        found.append(trials.divided(pairs, np.delete(rest, held), rest[held], test))
    return found


def flip(pairs: Pairs, rate: float, seed: int) -> tuple[Pairs, np.ndarray]:
    """The pairs with this share of decided training and validation labels turned round; which."""
    random = np.random.default_rng([seed, round(100 * rate)])
    rows = np.concatenate([pairs.holdout.train, pairs.holdout.validation])
    rows = rows[pairs.comparisons.not_tied[rows]]
    chosen = random.choice(rows, round(rate * len(rows)), replace=False)
    which = np.zeros(len(pairs.first), bool)
    which[chosen] = True
    label = np.where(which, 1.0 - pairs.comparisons.label, pairs.comparisons.label)
    return replace(pairs, comparisons=replace(pairs.comparisons, label=label)), which


if __name__ == "__main__":
    main()
