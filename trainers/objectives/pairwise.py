"""The objective of a preference model: from gaps of pairs and what people said to a loss."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is known of n pairs.

    label    [n] P(a is preferred) + P(tie) / 2
    tie      [n] P(tie)
    margin   [n] known strength: how much the gap must exceed zero before it counts as a win
    weight   [n] how much the pair counts
    control  [n, c] a minus b of what the reward must not reward (length, style), standardised
    """

    label: Tensor
    tie: Tensor
    margin: Tensor
    weight: Tensor
    control: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: Tensor) -> Self:
        return type(self)(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    def to(self, device: torch.device) -> Self:
        """Return the same on a device."""
        return type(self)(
            **{each.name: getattr(self, each.name).to(device) for each in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLosses:
    """What an objective says of n pairs.

    loss  [] what to minimise
    rows  [n] each pair's part, in nats
    tau   [n] each pair's temperature
    """

    loss: Tensor
    rows: Tensor
    tau: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A function from gaps and targets to a loss.

    scaling      of the adaptive loss; None is the plain Bradley–Terry one, temperature 1
    nu           Davidson's tie parameter; 0 takes a tie for half a win
    offset       [c] what each unit of `control` adds to the logit of a win, fitted beforehand
    decorrelate  weight of the squared correlation of gaps with each column of `control`
    """

    scaling: ScalingConfig | None = None
    nu: float = 0.0
    offset: Tensor | None = None
    decorrelate: float = 0.0

    def __call__(self, gap: Tensor, targets: Targets) -> PairLosses:
        """Return the losses of gaps[n] and their temperatures."""
        # The offset is added here and never by a scorer: what length explains of a label, the
        # reward need not explain.
        # [n] + [n, c] @ [c].
        shown = gap if self.offset is None else gap + targets.control @ self.offset.to(gap)
        tau = self._temperatures(shown, targets)
        # tau * L(d / tau), and tau is held constant: by the envelope theorem the gradient in d
        # is that of the profiled loss. It is bounded by 1 whatever tau is.
        # The margin is a gap too, so that it is divided like one.
        scaled, margin = shown / tau, targets.margin / tau
        if self.nu:
            # No margin here: a tie has no winner to ask one of (LossConfig refuses both at once).
            rows = tau * davidson_loss(scaled, targets.label, targets.tie, self.nu)
        else:
            rows = tau * bradley_terry_loss(scaled, targets.label, margin)
        if self.scaling is not None:
            # Constant in d: no gradient, but values stay comparable between temperatures.
            rows = rows + penalty(tau, self.scaling)
        loss = weighted_mean(rows, targets.weight)
        if self.decorrelate:
            # Of the gap itself, not of what is shown with the offset: that may correlate.
            loss = loss + self.decorrelate * correlation(gap, targets.control)
        return PairLosses(loss=loss, rows=rows, tau=tau)

    def _temperatures(self, gap: Tensor, targets: Targets) -> Tensor:
        """Return one temperature a pair: that of the gap which the likelier side must win by."""
        if self.scaling is None:
            return torch.ones_like(gap.detach())
        # tau is even in its gap, so that the side only matters where there is a margin.
        side = torch.where(targets.label >= 0.5, 1.0, -1.0)
        return adaptive_temperature(side * gap - targets.margin, self.scaling)


def correlation(gap: Tensor, control: Tensor) -> Tensor:
    """Return the sum over columns of the squared correlation of gap[n] with control[n, c].

    Uncentred, because swapping the two sides of a pair changes the sign of both.
    """
    # The clamp gives gaps that are all zero, as those of a fresh head, a gradient of zero and
    # not of 0 / 0.
    scale = (gap.square().sum() * control.square().sum(0)).clamp(min=1e-12)
    # [c], each in [0, 1] by Cauchy–Schwarz: (sum d c)^2 / (sum d^2 sum c^2).
    return ((gap @ control).square() / scale).sum()
