"""Co-teaching: finding the training pairs whose labels two models do not believe.

Two heads that start and see the pairs in different ways each choose, for the other one to learn
from, the pairs of a batch with the largest margins in favour of the label; a wrong label keeps a
small or negative margin under the head that was not trained on it. At the end the pairs with the
smallest mean margins under both are quarantined: left out of training and listed in the artifact,
never deleted. Contested pairs look like wrong ones, so the list is for people to read.

Source: arXiv 2505.10597 (Collaborative Reward Modeling); schedules are our own (docs/algorithms).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from trainers.arrays import Floats, Ints
from trainers.objectives.losses import bradley_terry_loss
from trainers.reward.config import HeadConfig, RewardConfig
from trainers.reward.data import Pairs
from trainers.reward.features import Readers, answer_features
from trainers.reward.head_start import HeadStart, new_head
from trainers.tuning.devices import one_thread

Report = list[dict[str, Any]]  # one row a quarantined comparison
Forward = Callable[[int, Ints], torch.Tensor]  # (head, pair numbers [n]) -> gaps [n], with gradient

EPOCHS = 10
WARM_UP = 3  # epochs over which the share that is exchanged falls from all to 1 - noise
WATCHED = 5  # last epochs whose margins are averaged: one epoch's ranking is unstable


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Training pairs left out.

    rows     [k] numbers of comparisons
    margins  [k] mean margin that the two heads gave their labels, in logits
    """

    rows: Ints
    margins: Floats

    def report(self, pairs: Pairs) -> Report:
        """Return one row a quarantined comparison, the least believed first."""
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


def find_noise(pairs: Pairs, config: RewardConfig) -> Quarantine:
    """Return the training and validation pairs whose labels two heads do not believe.

    The heads read frozen features in every mode: a filter must not cost more than the training.
    """
    readers = Readers.of(config.features, cached=True)
    features = answer_features(readers, pairs.answers, mapped=True)
    heads = []
    for number in (0, 1):
        # A plain scalar head, whatever kind of model is trained after it.
        start = HeadStart(
            head=HeadConfig(), layers=config.features.layers, seed=config.seed + number
        )
        heads.append(new_head(pairs, features, config.features.hidden_size, start, 1).train())
    rows = np.concatenate([pairs.holdout.train, pairs.holdout.validation])
    cpu = torch.device("cpu")

    def gaps(head: int, places: Ints) -> torch.Tensor:
        chosen = rows[places]
        ends = np.concatenate([pairs.first[chosen], pairs.second[chosen]])
        answers, where = np.unique(ends, return_inverse=True)
        # [answers, 1, 1] to one reward a side, [2n].
        rewards = heads[head](*features.rows(answers, cpu))[:, 0, 0][torch.from_numpy(where)]
        found: torch.Tensor = rewards[: len(chosen)] - rewards[len(chosen) :]
        return found

    optim = config.optim
    first, second = (
        torch.optim.AdamW(
            head.parameters(), lr=optim.learning_rate, weight_decay=optim.weight_decay
        )
        for head in heads
    )
    with one_thread():
        margins = co_teaching_margins(
            pairs.comparisons.label[rows],
            config.noise,
            gaps,
            (first, second),
            batch_size=_batch_size(config, len(rows)),
            seed=config.seed,
        )
    return quarantine(pairs, rows, margins, config.noise)


def co_teaching_margins(
    labels: Floats,
    noise: float,
    gaps: Forward,
    optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    *,
    batch_size: int,
    seed: int,
    exchanged: bool = True,
) -> Floats:
    """Return the mean margins [n] of two heads for labels[n] in [0, 1], after co-teaching.

    `exchanged` False lets each head choose for itself, which is what the method improves upon.
    """
    # A tie has side 0, hence a margin of 0: it is neither believed nor doubted.
    side = torch.from_numpy(np.sign(labels - 0.5)).float()
    target = torch.from_numpy(labels).float()
    # Two orders, as there are two starts: heads that learned alike would make the same mistakes.
    orders = [np.random.default_rng([seed, head]) for head in (0, 1)]
    total = np.zeros(len(labels))
    for epoch in range(EPOCHS):
        # From all pairs down to the share that is expected to be right: before the heads know
        # anything, their margins say nothing of a label.
        kept = 1.0 - noise * min(1.0, epoch / WARM_UP)
        for head, order in enumerate(orders):
            shuffled = order.permutation(len(labels))
            for start in range(0, len(labels), batch_size):
                rows = shuffled[start : start + batch_size]
                with torch.no_grad():
                    # Choosing is no training: no gradient reaches the chooser.
                    chooser = 1 - head if exchanged else head
                    margin = (gaps(chooser, rows) * side[rows]).cpu().numpy()
                # Stable, so that equal margins are chosen in the order of the draw.
                chosen = rows[np.argsort(-margin, kind="stable")[: max(1, round(kept * len(rows)))]]
                loss = bradley_terry_loss(gaps(head, chosen).cpu(), target[chosen]).mean()
                optimizers[head].zero_grad()
                torch.autograd.backward(loss)
                optimizers[head].step()
        if epoch >= EPOCHS - WATCHED:
            total += _margins(gaps, side, batch_size)
    return total / WATCHED


@torch.no_grad()
def _margins(gaps: Forward, side: torch.Tensor, batch_size: int) -> Floats:
    """Return the mean margin [n] that both heads give the labels now."""
    rows = np.arange(len(side))
    parts = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    both = [torch.cat([gaps(head, part).cpu() for part in parts]) * side for head in (0, 1)]
    mean: Floats = (0.5 * (both[0] + both[1])).double().numpy()
    return mean


def quarantine(pairs: Pairs, rows: Ints, margins: Floats, noise: float) -> Quarantine:
    """Return the share `noise` of decided pairs with the smallest margins, where both doubt them.

    A pair with a positive margin stays, however many were expected to be wrong.
    """
    decided = pairs.comparisons.not_tied[rows]
    # Ties go last: a label without a winner cannot be the wrong way round.
    order = np.argsort(np.where(decided, margins, np.inf), kind="stable")
    chosen = order[: round(noise * int(decided.sum()))]
    chosen = chosen[margins[chosen] < 0.0]
    return Quarantine(rows=rows[chosen], margins=margins[chosen])


def without(pairs: Pairs, quarantined: Quarantine) -> Pairs:
    """Return the same pairs, the quarantined ones in no part of the split."""
    holdout = pairs.holdout
    return replace(
        pairs,
        holdout=replace(
            holdout,
            train=np.setdiff1d(holdout.train, quarantined.rows),
            validation=np.setdiff1d(holdout.validation, quarantined.rows),
        ),
    )


def _batch_size(config: RewardConfig, count: int) -> int:
    """Return the pairs of a batch: enough of them to rank, and several batches an epoch."""
    return max(16, min(config.optim.train_batch_size, count // 4))
