"""Preference losses: pure functions of tensors, one value a pair.

`gap` is d = r(a) - r(b) (or the implicit reward gap of a policy), `label` the probability that a is
preferred, a tie counting half. The loss of a pair with label p is p * L(d) + (1 - p) * L(-d).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from trainers.objectives.scaling import LOG_2, ScalingConfig

NEWTON_STEPS = 7  # of `quadratic_root`; the tests find it exact to 1e-13 from 1e-30 to 1e30
SERIES_TERMS = 14  # at SERIES_BELOW t^2 is 0.06: the first term left out is 2e-20 of the sum
SERIES_BELOW = 0.5


def bradley_terry_loss(gap: Tensor, label: Tensor, margin: Tensor | float = 0.0) -> Tensor:
    """Return the cross-entropy [n], in nats, of soft labels[n] under P(a > b) = sigma(gap[n]).

    A known `margin` m asks the preferred side to win by more: p L(d - m) + (1 - p) L(-d - m).
    """
    # Both terms by logsigmoid: log(1 - sigma(d)) loses every digit at large gaps.
    # Without a margin the gradient in d is sigma(d) - label: bounded by 1, and 1/2 - label at 0.
    return -(label * logsigmoid(gap - margin) + (1.0 - label) * logsigmoid(-gap - margin))


def davidson_loss(gap: Tensor, label: Tensor, tie: Tensor, nu: float) -> Tensor:
    """Return the cross-entropy [n], in nats, of (a, b, tie) under Davidson's model.

    P(a) : P(b) : P(tie) = e^(d/2) : e^(-d/2) : nu, and label = P(a) + P(tie) / 2 as observed, so
    that -log likelihood = log(e^(d/2) + e^(-d/2) + nu) - (label - 1/2) d - tie log nu.
    Source: Davidson, JASA 65 (1970), 317-328, equation 2.4. nu must be positive.
    """
    known = torch.full_like(gap, math.log(nu))
    # The normaliser in logarithms: e^(d/2) alone overflows at a gap of 178 in float32.
    normaliser = torch.logaddexp(torch.logaddexp(0.5 * gap, -0.5 * gap), known)
    # (P(a) - P(b)) d / 2 is (label - 1/2) d, since a tie is half of the label.
    return normaliser - (label - 0.5) * gap - tie * known


def adaptive_temperature(gap: Tensor, scaling: ScalingConfig) -> Tensor:
    """Return the minimising temperature of each gap[n], in closed form, without a gradient.

    The inner problem min over tau of -tau log sigma(d / tau) + penalty(tau) has the derivative
    H(sigma(d / tau)) + penalty'(tau), even in d. With the linear penalty (rho0 - log 2) tau its
    root is tau = |d| / x*, one scalar root a run, and

        tau* = clip(|d| / x*, tau0, tau_max).

    With the quadratic one, rho0 tau^2 - tau log 2, it is |d| / x where x (log 2 - H(sigma(x))) =
    2 rho0 |d|: one function of one number, solved to the last bits. The problem is convex in
    tau, so the clip is exact too.

    Source: arXiv 2406.02764, equation of the training objective; the roots replace the paper's
    projected Newton steps, which cycle for some (rho0, tau_max) (docs/algorithms).
    """
    # Detached: by the envelope theorem tau* counts as a constant in the gradient. With it in the
    # graph, |d| would also have no derivative at a gap of zero, where every fresh head starts.
    size = gap.detach().abs()
    if scaling.variant == "linear":
        tau = size / scaling.root
    else:
        # At a gap of zero the root is 0 too, and 0 / 0 is tau0 by the clip below.
        # The divisor is |d| / tau at the optimum, found in float64 whatever the gap's type is.
        tau = size / quadratic_root(2.0 * scaling.rho0 * size).clamp(min=1e-300).to(size)
    # Infinity is kept for the clip: nan_to_num would make it the largest finite float.
    return tau.nan_to_num(0.0, posinf=math.inf).clamp(scaling.tau0, scaling.tau_max)


def adaptive_preference_loss(gap: Tensor, label: Tensor, scaling: ScalingConfig) -> Tensor:
    """Return the adaptive preference loss [n] at tau*; negative values are ordinary.

    L(d) = -tau* log sigma(d / tau*) + penalty(tau*). By the envelope theorem its gradient in d is
    -(1 - sigma(d / tau*)), which is what autograd gives with tau* held constant.
    Values under different rho0 are not comparable.
    """
    tau = adaptive_temperature(gap, scaling)
    # One tau for both terms of a soft label: tau* is even in d.
    return tau * bradley_terry_loss(gap / tau, label) + penalty(tau, scaling)


def penalty(tau: Tensor, scaling: ScalingConfig) -> Tensor:
    """Return what temperatures cost: (rho0 - log 2) tau, or rho0 tau^2 - tau log 2; as tau."""
    if scaling.variant == "linear":
        return (scaling.rho0 - LOG_2) * tau
    return (scaling.rho0 * tau - LOG_2) * tau


def quadratic_root(level: Tensor) -> Tensor:
    """Return the x[n] >= 0 with G(x) = x (log 2 - H(sigma(x))) = level[n], float64, to 1e-13.

    log G is an increasing, concave function of log x whose slope falls from 3 (G = x^3 / 8 near 0)
    to 1 (G = x log 2 far out), so Newton's method in logarithms climbs to the root from below,
    from the larger of the two asymptotes, and never overshoots.
    """
    # float64: the root is wanted to 1e-13, far below the last digit of float32. No gradient passes,
    # as tau is a constant.
    wanted = level.detach().double()
    # Both asymptotes lie below the root; the larger is the closer. The clamp keeps log x finite.
    x = torch.maximum((8.0 * wanted) ** (1.0 / 3.0), wanted / LOG_2).clamp(min=1e-150)
    for _ in range(NEWTON_STEPS):
        deficit = _entropy_deficit(x)
        # d log G / d log x: G' = deficit + x^2 sigma(x) sigma(-x).
        curvature = x * x * torch.sigmoid(x) * torch.sigmoid(-x)
        slope = 1.0 + curvature / deficit  # [n], from 3 down to 1
        x = x * torch.exp((torch.log(wanted) - torch.log(x * deficit)) / slope)
    # At a level of 0 the steps above took log 0; its root is 0.
    return torch.where(wanted > 0, x, 0.0)


def _entropy_deficit(x: Tensor) -> Tensor:
    """Return log 2 - H(sigma(x)) for x > 0 without cancellation.

    Near 0 by the series of t^2k / (2k (2k - 1)) over k, t = tanh(x / 2); further out directly.
    """
    square = torch.tanh(0.5 * x).square()
    series = torch.zeros_like(x)
    for k in range(SERIES_TERMS, 0, -1):  # Horner's scheme, smallest terms first
        series = square * (series + 1.0 / (2 * k * (2 * k - 1)))
    # H(sigma(x)) = -log sigma(x) + x sigma(-x). Near 0 this is log 2 less almost log 2.
    direct = LOG_2 + logsigmoid(x) - x * torch.sigmoid(-x)
    return torch.where(x < SERIES_BELOW, series, direct)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Return the mean [] of losses[n] by weights[n], which must not all be zero."""
    return (losses * weights).sum() / weights.sum()
