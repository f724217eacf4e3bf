"""Known strengths: where the adaptive loss recovers them better than Bradley–Terry, and where not.

    PYTHONPATH=. python tests/benchmarks/bench_reward_simulation.py [--seeds 100-139]
                                                                    [--seconds 900]

80 items with a true strength each (Student t, 3 degrees of freedom, unit spread: a few far apart,
many close), 1,500 pairs drawn at random, the mean of so many votes as the label of a pair. How
people answer to a true gap d (everything fixed on seeds 0 to 9 before 100 to 139 were looked at):

diminishing  logit P = 1.8 sign(d) sqrt|d|: the clearer a difference, the less more of it adds.
             Proposition 3.1 (gap = tau logit p, tau rising with the gap) says that the adaptive
             loss must win here, and more so the better the labels are known
logistic     logit P = 2 d: the Bradley–Terry model itself, which must win here
growing      logit P = 1.5 sign(d) |d|^1.7: the opposite of diminishing

Every item has a free reward, fitted by L-BFGS in float64 with the same small ridge. "quadratic":
rho0 = .1 without a tau_max; "linear": rho0 = .1, tau_max = 4; "chosen": Bradley–Terry or quadratic,
whichever gives the votes of 500 further pairs the higher likelihood under P = sigma(d / tau*(d)),
each with its own tau* (1 for Bradley–Terry) and no temperature.

Measures: Pearson and rank correlation of rewards with true strengths; `mixes`: how often, of two
random sets of about five items, the one with the higher mean reward has the higher mean strength,
as when two policies are compared by their mean reward.

A last world, "features": a linear reward of 60 features from 200 pairs with one vote each, half of
close answers and half of far ones, logistic; the ridge is chosen on 200 validation pairs. Accuracy
is against the true order of 4,000 fresh pairs.

Prints JSON: means, and the mean paired difference to Bradley–Terry with its standard error.
"""

import argparse
import json
import os
from collections.abc import Callable
from itertools import product
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.benchmarks.reward_trials import Bound, note, rounded
from trainers.objectives.losses import (
    adaptive_preference_loss,
    adaptive_temperature,
    bradley_terry_loss,
)
from trainers.objectives.scaling import ScalingConfig

Floats = NDArray[np.float64]
Scaling = ScalingConfig | None  # None is Bradley–Terry
Measures = dict[str, dict[str, float]]
ITEMS, PAIRS, FURTHER, SETS, RIDGE = 80, 1500, 500, 4000, 1e-4
FEATURES, FEW, RIDGES = 60, 200, (1e-3, 1e-2, 1e-1, 1.0, 10.0)
LINKS: dict[str, Callable[[Floats], Floats]] = {
    "diminishing": lambda d: 1.8 * np.sign(d) * np.sqrt(np.abs(d)),
    "logistic": lambda d: 2.0 * d,
    "growing": lambda d: 1.5 * np.sign(d) * np.abs(d) ** 1.7,
}
SCALINGS: dict[str, Scaling] = {
    "bradley_terry": None,
    "linear": ScalingConfig(),
    "quadratic": ScalingConfig(tau_max=float("inf"), variant="quadratic"),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="100-139")
    parser.add_argument("--seconds", type=float, default=900.0)
    how = parser.parse_args()
    torch.set_num_threads(1)
    low, high = map(int, how.seeds.split("-"))
    bound, report = Bound(how.seconds), {}
    worlds: dict[str, Callable[[int], Measures]] = {
        f"{link}, {votes} votes": lambda seed, link=link, votes=votes: draw(link, votes, seed)
        for link, votes in product(LINKS, (1, 5, 25))
    }
    for name, world in {**worlds, "features": draw_features}.items():
        rows = [world(seed) for seed in range(low, high + 1) if not bound.over]
        if len(rows) > 1:
            report[name] = summary(rows)
            note(f"{name}: {report[name]}")
    print(json.dumps(report))


def draw(link: str, votes: int, seed: int) -> Measures:
    """The measures of every loss on one world of items."""
    random = np.random.default_rng(seed)
    strength = random.standard_t(3, ITEMS)
    strength = (strength - strength.mean()) / strength.std()
    first, second, label = voted(strength, link, votes, PAIRS, random)
    further = voted(strength, link, votes, FURTHER, random)
    sets = tuple(random.random((SETS, ITEMS)) < 5 / ITEMS for _ in range(2))
    start = torch.zeros(ITEMS, dtype=torch.float64)
    ends = torch.from_numpy(first), torch.from_numpy(second)
    fitted = {
        name: fit(start, lambda r: r[ends[0]] - r[ends[1]], label, scaling, RIDGE / ITEMS)
        for name, scaling in SCALINGS.items()
    }
    surprise = {name: own_log_loss(fitted[name], further, SCALINGS[name]) for name in fitted}
    chosen = min(("bradley_terry", "quadratic"), key=lambda name: surprise[name])
    found = {name: measures(rewards, strength, sets) for name, rewards in fitted.items()}
    return {**found, "chosen": found[chosen]}


def voted(
    strength: Floats, link: str, votes: int, count: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """First and second items of pairs and the share of votes for the first, (count,) each."""
    first = random.integers(0, ITEMS, count)
    second = (first + random.integers(1, ITEMS, count)) % ITEMS
    chance = 1.0 / (1.0 + np.exp(-LINKS[link](strength[first] - strength[second])))
    return first, second, random.binomial(votes, chance) / votes


def fit(
    start: Tensor, gaps: Callable[[Tensor], Tensor], label: Floats, scaling: Scaling, ridge: float
) -> Floats:
    """The parameters (k,) whose `gaps` explain the labels (n,) best under a loss."""
    labels, found = torch.from_numpy(label), start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([found], max_iter=120, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        gap = gaps(found)
        if scaling is None:
            losses = bradley_terry_loss(gap, labels)
        else:
            losses = adaptive_preference_loss(gap, labels, scaling)
        loss = losses.mean() + ridge * found.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return found.detach().numpy()


def own_log_loss(rewards: Floats, pairs: Any, scaling: Scaling) -> float:
    """Log-loss of further votes under the model of answers that a loss is consistent for."""
    first, second, label = pairs
    gap = torch.from_numpy(rewards[first] - rewards[second])
    tau = torch.ones_like(gap) if scaling is None else adaptive_temperature(gap, scaling)
    return float(bradley_terry_loss(gap / tau, torch.from_numpy(label)).mean())


def measures(rewards: Floats, strength: Floats, sets: Any) -> dict[str, float]:
    """How near rewards come to the truth."""
    ranks = [np.argsort(np.argsort(values)) for values in (rewards, strength)]
    filled = (sets[0].sum(1) > 0) & (sets[1].sum(1) > 0)
    better = [_difference(values, sets, filled) > 0 for values in (rewards, strength)]
    return {
        "pearson": float(np.corrcoef(rewards, strength)[0, 1]),
        "rank": float(np.corrcoef(*ranks)[0, 1]),
        "mixes": float((better[0] == better[1]).mean()),
    }


def _difference(values: Floats, sets: Any, filled: NDArray[np.bool_]) -> Floats:
    """Mean of the first set of items less mean of the second, (n,)."""
    one, other = ((part[filled] @ values) / part[filled].sum(1) for part in sets)
    difference: Floats = one - other
    return difference


def draw_features(seed: int) -> Measures:
    """The accuracy of every loss on one world of linear rewards."""
    random = np.random.default_rng(seed)
    truth = 3.0 * random.normal(size=FEATURES) / np.sqrt(FEATURES)
    (rows, label), (others, known) = (feature_pairs(truth, FEW, random) for _ in range(2))
    fresh, _ = feature_pairs(truth, 4000, random)
    start, inputs = torch.zeros(FEATURES, dtype=torch.float64), torch.from_numpy(rows)
    found = {}
    for name, scaling in SCALINGS.items():
        tried = [fit(start, lambda w: inputs @ w, label, scaling, ridge) for ridge in RIDGES]
        best = max(tried, key=lambda w: float(((others @ w > 0) == (known > 0.5)).mean()))
        found[name] = {"accuracy": float(((fresh @ best > 0) == (fresh @ truth > 0)).mean())}
    return found


def feature_pairs(truth: Floats, count: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Differences of features (n, f) and labels (n,)."""
    spread = np.where(random.random(count) < 0.5, 0.15, 2.0)[:, None]
    rows = random.normal(size=(count, FEATURES)) * spread
    chance = 1.0 / (1.0 + np.exp(-2.0 * rows @ truth))
    return rows, (random.random(count) < chance).astype(float)


def summary(rows: list[Measures]) -> dict[str, Any]:
    """Mean of each loss, and mean and standard error of the paired difference."""
    found: dict[str, Any] = {"draws": len(rows)}
    for name in rows[0]["bradley_terry"]:
        values = {loss: np.array([row[loss][name] for row in rows]) for loss in rows[0]}
        found[name] = {"bradley_terry": rounded(float(values["bradley_terry"].mean()))}
        for loss in [loss for loss in values if loss != "bradley_terry"]:
            gain = values[loss] - values["bradley_terry"]
            error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
            found[name][loss] = rounded(
                {"mean": float(values[loss].mean()), "gain": float(gain.mean()), "se": error}
            )
    return found


if __name__ == "__main__":
    main()
