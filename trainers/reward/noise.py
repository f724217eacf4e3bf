"""Collaborative filtering of noisy pairs: which training labels two peers do not believe.

Two heads that start and see the pairs in different ways each hand the other the pairs of a batch
with the largest margins in favour of the label; a wrong label keeps a small or negative margin
under the peer that was not trained on it. At the end the pairs with the smallest mean margins under
both are set aside: quarantined, that is left out of training and listed in the artifact, never
deleted. Contested pairs look like wrong ones, so the list is for people to read.

Source: arXiv 2505.10597 (Collaborative Reward Modeling); schedules are our own (docs/algorithms).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.objectives.losses import bradley_terry_loss
from trainers.reward.config import RewardConfig
from trainers.reward.data import Pairs

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Report = list[dict[str, Any]]  # one row a quarantined comparison
Forward = Callable[[int, Rows], torch.Tensor]  # (peer, pair numbers) -> gaps (n,), with gradient

EPOCHS = 10
WARM_UP = 3  # epochs over which the share that is handed over falls from all to 1 - noise
WATCHED = 5  # last epochs whose margins are averaged: one epoch's ranking is unstable


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Training pairs set aside, (k,), with the mean margin that the two peers gave their labels."""

    rows: Rows
    margins: Floats

    def report(self, pairs: Pairs) -> Report:
        """One row a quarantined comparison, the least believed first."""
        known = pairs.comparisons
        order = np.argsort(self.margins, kind="stable")
        return [
            {
                "comparison_id": str(known.comparison_id[self.rows[place]]),
                "label": float(known.label[self.rows[place]]),
                "margin": float(self.margins[place]),
            }
            for place in order
        ]


def peer_margins(
    labels: Floats,
    noise: float,
    gaps: Forward,
    optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    *,
    batch: int,
    seed: int,
    handed: bool = True,
) -> Floats:
    """Mean margins (n,) of two peers for the labels (n,) in [0, 1], after training on each other.

    `handed` False lets each peer choose for itself, which is what the method improves upon.
    """
    side = torch.from_numpy(np.sign(labels - 0.5)).float()
    target = torch.from_numpy(labels).float()
    orders = [np.random.default_rng([seed, peer]) for peer in (0, 1)]
    total = np.zeros(len(labels))
    for epoch in range(EPOCHS):
        kept = 1.0 - noise * min(1.0, epoch / WARM_UP)
        for peer, order in enumerate(orders):
            shuffled = order.permutation(len(labels))
            for start in range(0, len(labels), batch):
                rows = shuffled[start : start + batch]
                with torch.no_grad():
                    judge = 1 - peer if handed else peer
                    margin = (gaps(judge, rows) * side[rows]).cpu().numpy()
                chosen = rows[np.argsort(-margin, kind="stable")[: max(1, round(kept * len(rows)))]]
                loss = bradley_terry_loss(gaps(peer, chosen).cpu(), target[chosen]).mean()
                optimizers[peer].zero_grad()
                torch.autograd.backward(loss)
                optimizers[peer].step()
        if epoch >= EPOCHS - WATCHED:
            total += _margins(gaps, side, batch)
    return total / WATCHED


@torch.no_grad()
def _margins(gaps: Forward, side: torch.Tensor, batch: int) -> Floats:
    rows = np.arange(len(side))
    parts = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    both = [torch.cat([gaps(peer, part).cpu() for part in parts]) * side for peer in (0, 1)]
    mean: Floats = (0.5 * (both[0] + both[1])).double().numpy()
    return mean


def set_aside(pairs: Pairs, rows: Rows, margins: Floats, noise: float) -> Quarantine:
    """The share `noise` of decided pairs with the smallest margins, where both peers doubt them."""
    decided = pairs.comparisons.decided[rows]
    order = np.argsort(np.where(decided, margins, np.inf), kind="stable")
    chosen = order[: round(noise * int(decided.sum()))]
    chosen = chosen[margins[chosen] < 0.0]
    return Quarantine(rows[chosen], margins[chosen])


def without(pairs: Pairs, quarantine: Quarantine) -> Pairs:
    """The same pairs, the quarantined ones in no part of the division."""
    holdout = pairs.holdout
    return replace(
        pairs,
        holdout=replace(
            holdout,
            train=np.setdiff1d(holdout.train, quarantine.rows),
            validation=np.setdiff1d(holdout.validation, quarantine.rows),
        ),
    )


def batch_of(config: RewardConfig, count: int) -> int:
    """Pairs of a batch: enough of them to rank, and several batches an epoch."""
    return max(16, min(config.optim.train_batch_size, count // 4))
