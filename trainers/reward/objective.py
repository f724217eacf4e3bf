"""What a reward model is trained on: gaps of pairs against what people said, in every mode."""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from trainers.objectives.losses import (
    adaptive_temperature,
    bradley_terry_loss,
    davidson_loss,
    penalty,
    weighted_mean,
)
from trainers.objectives.scaling import ScalingConfig


@dataclass(frozen=True, slots=True)
class Targets:
    """What is known of n pairs; every tensor (n,) but `control`, (n, c).

    label    P(a is preferred) + P(tie) / 2
    tie      P(tie)
    margin   known strength: how much the gap must exceed zero before it counts as a win
    weight   how much the pair counts
    control  a minus b of what the reward must not reward (length, style), standardised
    """

    label: Tensor
    tie: Tensor
    margin: Tensor
    weight: Tensor
    control: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: Tensor) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class PairLosses:
    """`loss`: what to minimise, a scalar; `rows` (n,): each pair's; `tau` (n,): its temperature."""

    loss: Tensor
    rows: Tensor
    tau: Tensor


@dataclass(frozen=True, slots=True)
class Objective:
    """Gaps and targets to a loss.

    scaling      of the adaptive loss; None is the plain one, temperature 1
    nu           Davidson's tie parameter; 0 takes a tie for half a win
    offset       what each unit of `control` adds to the logit of a win, (c,), fitted beforehand
    decorrelate  weight of the squared correlation of gaps with each column of `control`
    """

    scaling: ScalingConfig | None = None
    nu: float = 0.0
    offset: Tensor | None = None
    decorrelate: float = 0.0

    def __call__(self, gap: Tensor, targets: Targets) -> PairLosses:
        """Losses of gaps (n,) and what their temperatures were."""
        shown = gap if self.offset is None else gap + targets.control @ self.offset.to(gap)
        tau = self._temperatures(shown, targets)
        scaled, margin = shown / tau, targets.margin / tau
        if self.nu:
            rows = tau * davidson_loss(scaled, targets.label, targets.tie, self.nu)
        else:
            rows = tau * bradley_terry_loss(scaled, targets.label, margin)
        if self.scaling is not None:
            rows = rows + penalty(tau, self.scaling)
        loss = weighted_mean(rows, targets.weight)
        if self.decorrelate:
            loss = loss + self.decorrelate * correlation(gap, targets.control)
        return PairLosses(loss, rows, tau)

    def _temperatures(self, gap: Tensor, targets: Targets) -> Tensor:
        """One temperature a pair: that of the gap which the likelier side must win by."""
        if self.scaling is None:
            return torch.ones_like(gap.detach())
        side = torch.where(targets.label >= 0.5, 1.0, -1.0)
        return adaptive_temperature(side * gap - targets.margin, self.scaling)


def correlation(gap: Tensor, control: Tensor) -> Tensor:
    """Sum over columns of the squared uncentred correlation of gaps (n,) with control (n, c).

    Uncentred, because swapping the two sides of a pair changes the sign of both.
    """
    scale = (gap.square().sum() * control.square().sum(0)).clamp(min=1e-12)
    return ((gap @ control).square() / scale).sum()
