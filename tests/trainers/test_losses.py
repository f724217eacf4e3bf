"""Losses against the published numbers, brute force in float64, and their own identities."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.errors import InputError
from trainers.losses import (
    adaptive_preference_loss,
    adaptive_temperature,
    bradley_terry_loss,
    weighted_mean,
)
from trainers.scaling import LOG_2, PreferenceScaling

CARD = PreferenceScaling(rho0=0.1, tau0=0.1, tau_max=4.0)
CARD_ROWS = [
    (0.0, 0.1, 0.01),
    (0.05, 0.1, -0.01191),
    (0.5, 0.52997, -0.14010),
    (1.0, 1.05995, -0.28021),
    (2.0, 2.11989, -0.56041),
    (5.0, 4.0, -1.36487),
    (-2.0, 2.11989, 1.43959),
    (-8.0, 4.0, 6.13512),
]
gaps = st.floats(-30, 30, allow_nan=False)
scalings = st.builds(
    lambda rho0, tau0, width: PreferenceScaling(rho0, tau0, tau0 + width),
    st.floats(0.01, 0.69),
    st.floats(0.05, 2.0),
    st.floats(0.0, 6.0),
)


def naive_objective(gap: float, tau: np.ndarray, rho0: float) -> np.ndarray:
    """-tau log sigma(d / tau) + (rho0 - log 2) tau, straight from the paper, in float64."""
    return tau * np.logaddexp(0.0, -gap / tau) + (rho0 - math.log(2)) * tau


def exact(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def adaptive(gap: torch.Tensor, label: float, scaling: PreferenceScaling) -> torch.Tensor:
    return adaptive_preference_loss(gap, torch.full_like(gap, label), scaling)


@pytest.mark.parametrize(
    ("rho0", "root"),
    [
        (0.05, 0.64898),
        (0.1, 0.94344),
        (0.3, 1.86962),
        (0.5, 2.98324),
        (0.6, 3.95745),
        (0.69, 7.953),
    ],
)
def test_the_entropy_root_equals_the_published_table(rho0: float, root: float) -> None:
    assert PreferenceScaling(rho0=rho0).root == pytest.approx(root, abs=2e-4)


@pytest.mark.parametrize(("gap", "tau", "loss"), CARD_ROWS)
def test_temperature_and_loss_equal_the_published_table(
    gap: float, tau: float, loss: float
) -> None:
    assert adaptive_temperature(exact(gap), CARD).item() == pytest.approx(tau, abs=1e-5)
    assert adaptive(exact(gap), 1.0, CARD).item() == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize(("gap", "slope"), [(1.0, -0.28021), (5.0, -0.22270), (-8.0, -0.88080)])
def test_the_gradient_equals_the_published_table(gap: float, slope: float) -> None:
    d = exact(gap).requires_grad_()
    adaptive(d, 1.0, CARD).sum().backward()
    assert d.grad is not None
    assert d.grad.item() == pytest.approx(slope, abs=1e-5)


@given(gap=gaps, scaling=scalings)
def test_no_temperature_on_a_grid_does_better_than_the_closed_form(
    gap: float, scaling: PreferenceScaling
) -> None:
    grid = np.linspace(scaling.tau0, scaling.tau_max, 4001)
    best = naive_objective(gap, grid, scaling.rho0).min()
    found = adaptive(exact(gap), 1.0, scaling).item()
    step = grid[1] - grid[0]
    assert found <= best + 1e-9
    assert found >= best - step  # the grid misses the minimum by less than one step times slope 1


@given(gap=gaps, scaling=scalings)
def test_the_gradient_is_that_of_the_profiled_loss(gap: float, scaling: PreferenceScaling) -> None:
    d = exact(gap).requires_grad_()
    adaptive(d, 1.0, scaling).sum().backward()
    tau = float(np.clip(abs(gap) / scaling.root, scaling.tau0, scaling.tau_max))
    assert d.grad is not None
    assert d.grad.item() == pytest.approx(-1.0 / (1.0 + math.exp(gap / tau)), abs=1e-9)


@given(gap=gaps, label=st.floats(0, 1), scaling=scalings)
def test_a_soft_label_is_the_mixture_of_the_two_hard_ones(
    gap: float, label: float, scaling: PreferenceScaling
) -> None:
    soft = adaptive(exact(gap), label, scaling)
    mixed = label * adaptive(exact(gap), 1.0, scaling) + (1 - label) * adaptive(
        exact(-gap), 1.0, scaling
    )
    assert soft.item() == pytest.approx(mixed.item(), abs=1e-9)


@given(gap=gaps, label=st.floats(0, 1), scaling=scalings)
def test_swapping_the_answers_and_the_label_changes_nothing(
    gap: float, label: float, scaling: PreferenceScaling
) -> None:
    swapped = adaptive(exact(-gap), 1.0 - label, scaling).item()
    assert adaptive(exact(gap), label, scaling).item() == pytest.approx(swapped, abs=1e-9)


@pytest.mark.parametrize("rho0", [0.05, 0.3, 0.69])
def test_one_fixed_temperature_of_one_has_exactly_the_gradient_of_bradley_terry(
    rho0: float,
) -> None:
    values = torch.linspace(-9, 9, 37)
    label = torch.linspace(0, 1, 37)
    plain, scaled = values.clone().requires_grad_(), values.clone().requires_grad_()
    bradley_terry_loss(plain, label).sum().backward()
    scaling = PreferenceScaling(rho0=rho0, tau0=1.0, tau_max=1.0)
    adaptive_preference_loss(scaled, label, scaling).sum().backward()
    assert plain.grad is not None
    assert scaled.grad is not None
    assert torch.equal(plain.grad, scaled.grad)


def test_an_undecided_gap_takes_the_smallest_temperature_and_a_finite_gradient() -> None:
    d = exact(0.0).requires_grad_()
    loss = adaptive(d, 1.0, CARD)
    loss.sum().backward()
    assert loss.item() == pytest.approx(CARD.rho0 * CARD.tau0)
    assert d.grad is not None
    assert d.grad.item() == pytest.approx(-0.5)


@pytest.mark.parametrize(("preference", "tau"), [(0.6, 0.1), (0.9, 4.0)])
def test_a_repeated_pair_settles_at_its_temperature_times_the_logit(
    preference: float, tau: float
) -> None:
    """Proposition 3.1: ambiguous pairs are compressed to tau0, clear ones stretched to tau_max."""
    d = exact(0.01).requires_grad_()
    optimizer = torch.optim.Adam([d], lr=0.02)
    for _ in range(3000):
        optimizer.zero_grad()
        adaptive(d, preference, CARD).sum().backward()
        optimizer.step()
    logit = math.log(preference / (1 - preference))
    assert d.item() == pytest.approx(tau * logit, rel=1e-2)


def test_the_temperature_is_a_constant_of_the_gradient() -> None:
    assert not adaptive_temperature(exact(2.0).requires_grad_(), CARD).requires_grad


def test_the_weighted_mean_is_that_of_repeated_rows() -> None:
    losses = torch.tensor([1.0, 2.0, 6.0])
    repeated = torch.tensor([1.0, 2.0, 2.0, 6.0])
    weighted = weighted_mean(losses, torch.tensor([1.0, 2.0, 1.0]))
    assert weighted.item() == pytest.approx(repeated.mean().item())


@pytest.mark.parametrize(
    ("rho0", "tau0", "tau_max", "names"),
    [
        (0.0, 0.1, 4.0, "rho0"),
        (LOG_2, 0.1, 4.0, "rho0"),
        (math.nan, 0.1, 4.0, "rho0"),
        (0.1, 0.0, 4.0, "tau0"),
        (0.1, 1.0, 0.5, "tau_max"),
        (0.1, 1.0, math.inf, "tau_max"),
    ],
)
def test_impossible_constants_are_refused_by_name(
    rho0: float, tau0: float, tau_max: float, names: str
) -> None:
    with pytest.raises(InputError, match=names):
        PreferenceScaling(rho0, tau0, tau_max)
