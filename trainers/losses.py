"""Preference losses: pure functions of tensors, one value a pair.

`gap` is d = r(a) - r(b) (or the implicit reward gap of a policy), `label` the probability that a is
preferred. The loss of a pair with label p is p * L(d) + (1 - p) * L(-d).
"""

from torch import Tensor
from torch.nn.functional import logsigmoid

from trainers.scaling import LOG_2, PreferenceScaling


def bradley_terry_loss(gap: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of soft labels under P(a > b) = sigma(d); all shapes (n,), values in nats."""
    return -(label * logsigmoid(gap) + (1.0 - label) * logsigmoid(-gap))


def adaptive_temperature(gap: Tensor, scaling: PreferenceScaling) -> Tensor:
    """The minimising temperature of each pair, (n,), in closed form and detached from the graph.

    The inner problem min over tau of -tau log sigma(d / tau) + (rho0 - log 2) tau has the
    derivative H(sigma(d / tau)) - (log 2 - rho0), even in d, so its root is tau = |d| / x* and

        tau* = clip(|d| / x*, tau0, tau_max).

    Source: arXiv 2406.02764, equation of the training objective; the root replaces the paper's
    projected Newton steps, which cycle for some (rho0, tau_max) (docs/algorithms).
    """
    return (gap.detach().abs() / scaling.root).clamp(scaling.tau0, scaling.tau_max)


def adaptive_preference_loss(gap: Tensor, label: Tensor, scaling: PreferenceScaling) -> Tensor:
    """The adaptive preference loss at tau*: shapes (n,); negative values are ordinary.

    L(d) = -tau* log sigma(d / tau*) + (rho0 - log 2) tau*. By the envelope theorem its gradient
    in d is -(1 - sigma(d / tau*)), which is what autograd gives with tau* held constant.
    Values under different rho0 are not comparable.
    """
    tau = adaptive_temperature(gap, scaling)
    return tau * bradley_terry_loss(gap / tau, label) + (scaling.rho0 - LOG_2) * tau


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Sum of w_i l_i over the sum of w_i: a scalar. The weights must not all be zero."""
    return (losses * weights).sum() / weights.sum()
