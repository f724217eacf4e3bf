"""A million votes over a hundred models: counting and rating, beside evalica; run by hand.

    python tests/benchmarks/bench_ranking.py

Prints one JSON object: seconds of the best of three runs, the same for evalica on the same
votes in the same process, their ratio, and how often the 95 % interval held the truth in
simulated leagues.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import evalica
import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainers.ranking import PairCounts, fit
from trainers.ranking.bradley_terry import SCALE

MODELS, VOTES, LEAGUES, GAMES = 100, 1_000_000, 300, 60
CHOICES = np.array(["a", "b", "tie"])
WINNERS = np.array([evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw])


def main() -> None:
    rng = np.random.default_rng(0)
    truth = np.sort(rng.normal(0, 0.8, MODELS))
    names = np.array([f"model {index:03d}" for index in range(MODELS)])
    first = rng.integers(0, MODELS, VOTES)
    second = (first + rng.integers(1, MODELS, VOTES)) % MODELS
    outcome = outcomes(rng, truth[first] - truth[second])
    table = pa.table(
        {"a": names[first], "b": names[second], "choice": CHOICES[outcome], "n": np.ones(VOTES)}
    )
    ours = best_of_three(lambda: rate(table))
    left, right = names[first].tolist(), names[second].tolist()
    winners = WINNERS[outcome].tolist()
    theirs = best_of_three(lambda: evalica.bradley_terry(left, right, winners))
    found = {
        "votes": VOTES,
        "models": MODELS,
        "seconds": round(ours, 3),
        "evalica_seconds": round(theirs, 3),
        "ratio": round(ours / theirs, 3),
        "coverage": round(coverage(rng), 4),
        "leagues": LEAGUES,
    }
    sys.stdout.write(json.dumps(found) + "\n")


def rate(table: pa.Table) -> None:
    """What `python -m trainers ranking` does with a snapshot's judgments."""
    counts = table.group_by(["a", "b", "choice"]).aggregate([([], "count_all")]).to_pydict()
    fit(PairCounts.from_rows(zip(*counts.values(), strict=True)))


def outcomes(rng: np.random.Generator, d: np.ndarray) -> np.ndarray:
    """0 won, 1 lost, 2 tied; ties take equally from both, so that the mean score is σ(d)."""
    p = 1 / (1 + np.exp(-d))
    ties = 0.5 * np.minimum(p, 1 - p)
    u = rng.random(len(p))
    return np.where(u < p - ties / 2, 0, np.where(u < 1 - ties, 1, 2))


def coverage(rng: np.random.Generator) -> float:
    """The share of 95 % intervals, over leagues of ten models, that hold the true rating."""
    truth = np.linspace(-1, 1, 10)
    names = [f"m{index}" for index in range(10)]
    pairs = np.array([(i, j) for i in range(10) for j in range(i)]).repeat(GAMES, axis=0)
    held = []
    for _ in range(LEAGUES):
        result = outcomes(rng, truth[pairs[:, 0]] - truth[pairs[:, 1]])
        rows = (
            (names[i], names[j], CHOICES[k], 1) for (i, j), k in zip(pairs, result, strict=True)
        )
        ratings = {rating.model: rating for rating in fit(PairCounts.from_rows(rows))}
        for name, r in zip(names, truth, strict=True):
            held.append(ratings[name].ci_low <= 1000 + SCALE * r <= ratings[name].ci_high)
    return float(np.mean(held))


def best_of_three(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
