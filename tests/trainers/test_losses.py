"""Losses against the published numbers, brute force in float64, and their own identities."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.errors import InputError
from trainers.objectives.losses import (
    adaptive_preference_loss,
    adaptive_temperature,
    bradley_terry_loss,
    davidson_loss,
    quadratic_root,
    weighted_mean,
)
from trainers.objectives.scaling import LOG_2, ScalingConfig

CARD = ScalingConfig(rho0=0.1, tau0=0.1, tau_max=4.0)
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
    lambda rho0, tau0, width: ScalingConfig(rho0=rho0, tau0=tau0, tau_max=tau0 + width),
    st.floats(0.01, 0.69),
    st.floats(0.05, 2.0),
    st.floats(0.0, 6.0),
)


def naive_objective(gap: float, tau: np.ndarray, rho0: float) -> np.ndarray:
    """-tau log sigma(d / tau) + (rho0 - log 2) tau, straight from the paper, in float64."""
    return tau * np.logaddexp(0.0, -gap / tau) + (rho0 - math.log(2)) * tau


def exact(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def adaptive(gap: torch.Tensor, label: float, scaling: ScalingConfig) -> torch.Tensor:
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
    assert ScalingConfig(rho0=rho0).root == pytest.approx(root, abs=2e-4)


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
    gap: float, scaling: ScalingConfig
) -> None:
    grid = np.linspace(scaling.tau0, scaling.tau_max, 4001)
    best = naive_objective(gap, grid, scaling.rho0).min()
    found = adaptive(exact(gap), 1.0, scaling).item()
    step = grid[1] - grid[0]
    assert found <= best + 1e-9
    # The grid misses the minimum by less than one step times slope 1.
    assert found >= best - step - 1e-9


@given(gap=gaps, scaling=scalings)
def test_the_gradient_is_that_of_the_profiled_loss(gap: float, scaling: ScalingConfig) -> None:
    d = exact(gap).requires_grad_()
    adaptive(d, 1.0, scaling).sum().backward()
    tau = float(np.clip(abs(gap) / scaling.root, scaling.tau0, scaling.tau_max))
    assert d.grad is not None
    assert d.grad.item() == pytest.approx(-1.0 / (1.0 + math.exp(gap / tau)), abs=1e-9)


@given(gap=gaps, label=st.floats(0, 1), scaling=scalings)
def test_a_soft_label_is_the_mixture_of_the_two_hard_ones(
    gap: float, label: float, scaling: ScalingConfig
) -> None:
    soft = adaptive(exact(gap), label, scaling)
    mixed = label * adaptive(exact(gap), 1.0, scaling) + (1 - label) * adaptive(
        exact(-gap), 1.0, scaling
    )
    assert soft.item() == pytest.approx(mixed.item(), abs=1e-9)


@given(gap=gaps, label=st.floats(0, 1), scaling=scalings)
def test_swapping_the_answers_and_the_label_changes_nothing(
    gap: float, label: float, scaling: ScalingConfig
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
    scaling = ScalingConfig(rho0=rho0, tau0=1.0, tau_max=1.0)
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
        ScalingConfig(rho0=rho0, tau0=tau0, tau_max=tau_max)


def naive_quadratic_root(gap: float, rho0: float) -> float:
    """tau > 0 with H(sigma(d / tau)) - log 2 + 2 rho0 tau = 0, by bisection in float64."""
    low, high = 1e-9, LOG_2 / rho0
    for _ in range(200):
        tau = 0.5 * (low + high)
        x = abs(gap) / tau
        entropy = np.logaddexp(0.0, -x) + x / (1.0 + math.exp(min(x, 700.0)))
        low, high = (low, tau) if entropy - LOG_2 + 2 * rho0 * tau > 0 else (tau, high)
    return 0.5 * (low + high)


@given(gap=st.floats(0.01, 50), rho0=st.floats(0.02, 0.69), label=st.floats(0, 1))
def test_the_quadratic_temperature_is_the_root_of_its_equation(
    gap: float, rho0: float, label: float
) -> None:
    scaling = ScalingConfig(rho0=rho0, tau0=1e-6, tau_max=math.inf, variant="quadratic")
    tau = adaptive_temperature(exact(gap), scaling).item()
    assert tau == pytest.approx(naive_quadratic_root(gap, rho0), rel=1e-8)
    mirrored = adaptive(exact(-gap), 1.0 - label, scaling)
    assert adaptive(exact(gap), label, scaling).item() == pytest.approx(mirrored.item())


@given(gap=st.floats(-20, 20), rho0=st.floats(0.02, 0.69), tau_max=st.floats(0.5, 8.0))
def test_no_quadratic_temperature_on_a_grid_does_better(
    gap: float, rho0: float, tau_max: float
) -> None:
    scaling = ScalingConfig(rho0=rho0, tau_max=tau_max, variant="quadratic")
    grid = np.linspace(0.1, tau_max, 4001)
    objective = grid * np.logaddexp(0.0, -gap / grid) + rho0 * grid**2 - LOG_2 * grid
    found = adaptive(exact(gap), 1.0, scaling).item()
    assert found <= objective.min() + 1e-9
    assert found >= objective.min() - (grid[1] - grid[0]) * (1 + 2 * rho0 * tau_max)


def test_the_quadratic_root_is_exact_over_sixty_decades() -> None:
    x = torch.logspace(-9, 3, 4001, dtype=torch.float64)
    square = torch.tanh(x / 2) ** 2
    series = sum(square**k / (2 * k * (2 * k - 1)) for k in range(1, 60))
    direct = LOG_2 - torch.log1p(torch.exp(-x)) - x * torch.exp(-x) / (1 + torch.exp(-x))
    level = x * torch.where(x < 0.3, series, direct)
    assert ((quadratic_root(level) - x).abs() / x).max().item() < 1e-12
    assert quadratic_root(torch.zeros(1)).item() == 0.0


@pytest.mark.parametrize(("preference", "tau"), [(0.9, 1.8403), (0.99, 3.1857)])
def test_a_repeated_pair_settles_at_the_published_quadratic_temperature(
    preference: float, tau: float
) -> None:
    gap = exact(tau * math.log(preference / (1 - preference)))
    scaling = ScalingConfig(tau_max=math.inf, variant="quadratic")
    assert adaptive_temperature(gap, scaling).item() == pytest.approx(tau, abs=1e-4)
    d = gap.clone().requires_grad_()
    adaptive(d, preference, scaling).sum().backward()
    assert d.grad is not None
    assert d.grad.item() == pytest.approx(0.0, abs=1e-5)


@given(gap=gaps, p_a=st.floats(0, 1), share=st.floats(0, 1), nu=st.floats(0.01, 20))
def test_davidsons_loss_is_the_cross_entropy_of_its_three_outcomes(
    gap: float, p_a: float, share: float, nu: float
) -> None:
    tie = (1 - p_a) * share
    p_b = 1 - p_a - tie
    worth = np.array([math.exp(gap / 2), math.exp(-gap / 2), nu])
    naive = -np.dot([p_a, p_b, tie], np.log(worth / worth.sum()))
    label = exact(p_a + tie / 2)
    found = davidson_loss(exact(gap), label, exact(tie), nu).item()
    assert found == pytest.approx(naive, rel=1e-9, abs=1e-9)


def test_davidson_without_ties_has_the_gradient_of_bradley_terry() -> None:
    values, label = torch.linspace(-5, 5, 11, dtype=torch.float64), torch.linspace(0, 1, 11)
    plain, three = values.clone().requires_grad_(), values.clone().requires_grad_()
    bradley_terry_loss(plain, label).sum().backward()
    davidson_loss(three, label.double(), torch.zeros(11), 1e-300).sum().backward()
    assert plain.grad is not None
    assert three.grad is not None
    assert torch.allclose(plain.grad, three.grad)


def test_a_margin_asks_the_preferred_side_for_more() -> None:
    losses = bradley_terry_loss(exact(1.0), exact(1.0), margin=0.4)
    assert losses.item() == pytest.approx(math.log1p(math.exp(-0.6)))
    losses = bradley_terry_loss(exact(-1.0), exact(0.0), margin=0.4)
    assert losses.item() == pytest.approx(math.log1p(math.exp(-0.6)))


def test_the_linear_penalty_needs_a_largest_temperature_and_the_variant_a_name() -> None:
    with pytest.raises(InputError, match="tau_max"):
        ScalingConfig(tau_max=math.inf)
    with pytest.raises(InputError, match="variant"):
        ScalingConfig(variant="cubic")  # type: ignore[arg-type]
