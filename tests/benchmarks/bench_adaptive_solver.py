"""The temperature of each pair: closed form against five projected Newton steps, time and error.

    PYTHONPATH=. python tests/benchmarks/bench_adaptive_solver.py [--pairs 1000000] [--repeats 7]

Gaps are uniform in [-12, 12], float64, one thread. Error: largest difference from the minimiser
found by bisection of the derivative, and largest excess of the loss over that minimum. Newton
starts at tau = 1 and is clipped to [tau0, tau_max] after every step, as published.
Prints JSON; about 20 s.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from trainers.objectives.losses import adaptive_temperature, penalty
from trainers.objectives.scaling import LOG_2, ScalingConfig

SCALINGS = [
    ScalingConfig(),
    ScalingConfig(rho0=0.3, tau_max=3.0),
    ScalingConfig(rho0=0.5, tau_max=5.0),
    ScalingConfig(variant="quadratic"),
    ScalingConfig(rho0=0.5, variant="quadratic"),
]
STEPS = 5


def slope(gap: Tensor, tau: Tensor, scaling: ScalingConfig) -> Tensor:
    """Derivative in tau of the inner objective, (n,)."""
    x = gap / tau
    rise = -logsigmoid(x) + x * torch.sigmoid(-x)
    if scaling.variant == "linear":
        return rise + scaling.rho0 - LOG_2
    return rise + 2.0 * scaling.rho0 * tau - LOG_2


def newton(gap: Tensor, scaling: ScalingConfig) -> Tensor:
    """The published iteration."""
    tau = torch.ones_like(gap)
    extra = 2.0 * scaling.rho0 if scaling.variant == "quadratic" else 0.0
    for _ in range(STEPS):
        x = gap / tau
        bend = gap.square() / tau**3 * torch.sigmoid(x) * torch.sigmoid(-x) + extra
        tau = tau - slope(gap, tau, scaling) / bend.clamp(min=1e-6)
        tau = tau.clamp(scaling.tau0, scaling.tau_max)
    return tau


def bisected(gap: Tensor, scaling: ScalingConfig) -> Tensor:
    """The minimiser to the last bits: the derivative increases in tau."""
    low = torch.full_like(gap, scaling.tau0)
    high = torch.full_like(gap, scaling.tau_max)
    for _ in range(60):
        middle = 0.5 * (low + high)
        rising = slope(gap, middle, scaling) > 0
        low, high = torch.where(rising, low, middle), torch.where(rising, middle, high)
    at_ends = slope(gap, torch.full_like(gap, scaling.tau0), scaling) >= 0
    return torch.where(at_ends, scaling.tau0, 0.5 * (low + high))


def timed(solve: Callable[[], Tensor], repeats: int) -> tuple[Tensor, float]:
    """What it finds, and the median milliseconds a million pairs."""
    found, times = solve(), []
    for _ in range(repeats):
        started = time.perf_counter()
        solve()
        times.append(time.perf_counter() - started)
    return found, 1e9 * statistics.median(times) / len(found)


def row(scaling: ScalingConfig, gap: Tensor, repeats: int) -> dict[str, Any]:
    exact = bisected(gap, scaling)

    def loss(tau: Tensor) -> Tensor:
        return penalty(tau, scaling) - tau * logsigmoid(gap / tau)

    found: dict[str, Any] = {
        "rho0": scaling.rho0,
        "tau_max": scaling.tau_max,
        "variant": scaling.variant,
    }
    solvers = {
        "closed_form": lambda: adaptive_temperature(gap, scaling),
        "newton_5": lambda: newton(gap, scaling),
    }
    for name, solve in solvers.items():
        tau, milliseconds = timed(solve, repeats)
        found[name] = {
            "ms_per_million": round(milliseconds, 2),
            "largest_tau_error": float((tau - exact).abs().max()),
            "largest_loss_excess": float((loss(tau) - loss(exact)).max()),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    how = parser.parse_args()
    torch.set_num_threads(1)
    gap = torch.linspace(-12.0, 12.0, how.pairs, dtype=torch.float64)
    table = [row(scaling, gap, how.repeats) for scaling in SCALINGS]
    print(json.dumps({"pairs": how.pairs, "table": table}))


if __name__ == "__main__":
    main()
