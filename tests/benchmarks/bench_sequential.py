"""False alarms and delay of the sequential test, by simulation; run by hand.

    python tests/benchmarks/bench_sequential.py [pools]

Prints one JSON object: per setting, the share of honest raters who ever raise an alarm (with its
bound), the share of each kind of bad rater that is found, and the median judgments it took.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainers.statistics.sequential import martingales, p_values

ALPHA, RATERS, BAD, VOTES = 0.001, 200, 6, 300
KINDS = ("guesses", "always the first", "half guesses", "against the others")


def main() -> None:
    pools = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    found = {
        "alpha": ALPHA,
        "pairs of models (300 judgments a cell)": simulate(pools, cells=200),
        "comparisons (overlap 5)": simulate(pools, cells=RATERS * VOTES // 5),
    }
    sys.stdout.write(json.dumps(found) + "\n")


def simulate(pools: int, *, cells: int) -> dict[str, Any]:
    """Honest raters choose by the shares of each cell; the first BAD of each kind do not."""
    alarms, honest = 0, 0
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(pools):
        crossed, rater = one_pool(np.random.default_rng(seed), cells)
        bad = BAD * len(KINDS)
        alarms += int((crossed[bad:] >= 0).sum())
        honest += RATERS - bad
        for number in range(bad):
            at = int(crossed[number])
            delay = float((rater[: at + 1] == number).sum()) if at >= 0 else np.inf
            taken[KINDS[number // BAD]].append(delay)
    return {
        "honest": honest,
        "false_alarm_share": alarms / honest,
        "found": {
            kind: {
                "share": round(float(np.isfinite(delays).mean()), 3),
                "median_judgments": None if np.isinf(m := float(np.median(delays))) else m,
            }
            for kind, delays in taken.items()
        },
    }


def one_pool(rng: np.random.Generator, cells: int) -> tuple[np.ndarray, np.ndarray]:
    rater = rng.permutation(np.repeat(np.arange(RATERS), VOTES))
    cell = rng.integers(0, cells, len(rater))
    shares = rng.dirichlet([1.0, 1.0, 0.2, 0.1], cells)
    seen = (rng.random((len(rater), 1)) > shares[cell].cumsum(axis=1)).sum(axis=1).clip(0, 3)
    choice, even = seen.copy(), rng.integers(0, 4, len(rater))
    kind = rater // BAD
    choice = np.where(kind == 0, even, choice)
    choice = np.where(kind == 1, rng.integers(0, 2, len(rater)), choice)  # sides are shuffled
    choice = np.where((kind == 2) & (rng.random(len(rater)) < 0.5), even, choice)
    choice = np.where(kind == 3, shares[cell].argmin(axis=1), choice)
    p = p_values(cell, choice, rng.uniform(1e-12, 1, len(rater)), n_choices=4)
    return martingales(p, rater, n_raters=RATERS, alpha=ALPHA).crossed, rater


if __name__ == "__main__":
    main()
