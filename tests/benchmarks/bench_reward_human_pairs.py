"""Reward models on a small and hard pool: human_pairs in frozen mode, divided by prompt.

    PYTHONPATH=. python tests/benchmarks/bench_reward_human_pairs.py [--seeds 5] [--seconds 3000]

Each seed holds out a fifth of the prompts for the test and a tenth for validation. Measures are on
decided test pairs, winners as hard labels; intervals resample prompts over all seeds. "tuned":
rho0 and tau_max chosen by the log-loss on held-out training pairs alone. Prints JSON.
"""

import argparse
import json
from collections import Counter
from typing import Any

import numpy as np

from tests.benchmarks import reward_trials as trials
from trainers.reward.config import REWARD
from trainers.reward.data import Pairs
from trainers.statistics.measures import mean, row_accuracy

SINGLE: dict[str, Any] = {
    "loss.type": "adaptive",
    "train_baseline": False,
    "device": "cpu",
    "head.ensemble_size": 1,
    "head.architecture": "linear",
    "optim.num_train_epochs": 40,
    "early_stopping_patience": 4,
}
SEVERAL: dict[str, Any] = {**SINGLE, "head.ensemble_size": 5}
PLAIN: dict[str, Any] = {"loss.type": "bradley_terry"}
GRID = [
    {"scaling.rho0": rho0, "scaling.tau_max": tau_max}
    for rho0 in (0.05, 0.3)
    for tau_max in (1.0, 4.0)
]
VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "Bradley–Terry": ({**SINGLE, **PLAIN},),
    "adaptive, TL;DR settings (rho0 .1, tau_max 4)": (SINGLE,),
    "adaptive, HH settings (rho0 .05, tau_max 5)": (
        {**SINGLE, "scaling.rho0": 0.05, "scaling.tau_max": 5.0},
    ),
    "adaptive, quadratic": (
        {**SINGLE, "scaling.variant": "quadratic", "scaling.tau_max": float("inf")},
    ),
    "adaptive, tuned": tuple({**SINGLE, **point} for point in GRID),
    "GPM": ({**SINGLE, **PLAIN, "head.kind": "gpm"},),
    "loss chosen on validation": ({**SINGLE, **PLAIN}, SINGLE),
    "ensemble of 5, Bradley–Terry": ({**SEVERAL, **PLAIN},),
    "ensemble of 5, adaptive": (SEVERAL,),
    "ensemble of 5, Bradley–Terry, all layers": ({**SEVERAL, **PLAIN, "features.layers": "all"},),
    "ensemble of 5, adaptive, all layers": ({**SEVERAL, "features.layers": "all"},),
    "ensemble of 5, loss chosen on validation": ({**SEVERAL, **PLAIN}, SEVERAL),
    "ensemble of 5, all layers, loss chosen on validation": (
        {**SEVERAL, **PLAIN, "features.layers": "all"},
        {**SEVERAL, "features.layers": "all"},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3000.0)
    parser.add_argument("--only", nargs="*", default=[])
    how = parser.parse_args()
    bound = trials.Bound(how.seconds)
    pairs = trials.read_file("human_pairs")
    prompts = pairs.comparisons.prompt_id
    divisions = [division(pairs, seed) for seed in range(how.seeds)]
    tests = np.concatenate([part.holdout.test for part in divisions])
    labels = (pairs.comparisons.label[tests] > 0.5).astype(float)
    _, cluster = np.unique(prompts[tests].astype(str), return_inverse=True)
    report: dict[str, Any] = {"n": len(tests), "prompts": int(cluster.max()) + 1}
    report["baselines"] = baselines(divisions)
    trials.note(str(report))
    for name, settings in VARIANTS.items():
        if bound.over or (how.only and not any(part in name for part in how.only)):
            continue
        found = [best_of(part, settings, seed) for seed, part in enumerate(divisions)]
        logits = np.concatenate([trial.logits for trial, _ in found])
        report[name] = trials.measured(logits, labels, cluster)
        report[name]["temperatures"] = trials.rounded([trial.temperature for trial, _ in found])
        report[name]["chosen"] = Counter(chosen for _, chosen in found)
        trials.note(f"{name}: {report[name]}")
    print(json.dumps(report, ensure_ascii=False))


def division(pairs: Pairs, seed: int) -> Pairs:
    """Ten folds of prompts: two to test, one to validate, seven to train; tests decided."""
    parts = list(trials.folds_of(pairs.comparisons.prompt_id, seed, 10))
    test = np.sort(np.concatenate(parts[:2]))
    test = test[pairs.comparisons.not_tied[test]]
    return trials.divided(pairs, np.sort(np.concatenate(parts[3:])), parts[2], test)


def best_of(pairs: Pairs, settings: tuple[dict[str, Any], ...], seed: int) -> tuple[Any, str]:
    """The trial with the lowest log-loss on held-out training pairs, and what it was."""
    configs = [REWARD.read({**setting, "seed": seed}) for setting in settings]
    found = [trials.run_trial(pairs, trials.features_of(pairs, c), c) for c in configs]
    best = min(range(len(found)), key=lambda place: found[place].inner_log_loss)
    config = configs[best]
    constants = f"rho0 {config.scaling.rho0}, tau_max {config.scaling.tau_max}"
    chosen = "Bradley–Terry" if config.loss.type == "bradley_terry" else f"adaptive, {constants}"
    return found[best], f"{found[best].head}, {chosen}"


def baselines(divisions: list[Pairs]) -> dict[str, float]:
    """Accuracy of the longer answer and of the side that usually wins, over all divisions."""
    longer, majority = [], []
    for part in divisions:
        rows, label = part.holdout.test, part.comparisons.label
        lengths = part.lengths
        labels = (label[rows] > 0.5).astype(float)
        longer.append(row_accuracy(lengths[part.first[rows]] - lengths[part.second[rows]], labels))
        lean = np.full(len(rows), label[part.holdout.train].mean() - 0.5)
        majority.append(row_accuracy(lean, labels))
    both = {"length": np.concatenate(longer), "majority": np.concatenate(majority)}
    return {name: round(mean(rows, np.ones(len(rows))), 4) for name, rows in both.items()}


if __name__ == "__main__":
    main()
