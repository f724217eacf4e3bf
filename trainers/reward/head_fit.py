"""Fitting the members of a head together: one pass over the pairs, each member with its own part.

A member's weights meet no other member's, its loss counts its own training pairs only, and it is
stopped on its own held-out pairs; that they share batches only saves gathering features twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.arrays import Floats, Ints
from trainers.objectives.pairwise import Objective, Targets
from trainers.objectives.temperatures import TemperatureLog
from trainers.reward.config import FrozenConfig
from trainers.reward.data import Pairs
from trainers.reward.features import Features
from trainers.reward.folds import Folds
from trainers.reward.head import RewardHead, pair_gaps
from trainers.statistics.measures import fit_temperature, mean, row_accuracy, row_log_loss
from trainers.tuning.divergence import check_finite

Report = Callable[[int, dict[str, Any]], None]  # (epoch, what it came to)
VALIDATED = 20_000  # held-out pairs looked at after each epoch: more would not choose better


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadResult:
    """A trained head.

    gaps          [n] of the held-out pairs, by the member that held each out
    log_loss      held-out, in nats: the mean of the members' best
    epochs        after which the last member improved
    temperatures  of the pairs in the last epoch
    """

    model: RewardHead
    gaps: Floats
    log_loss: float
    epochs: int
    temperatures: TemperatureLog


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadDataset:
    """What a fit reads: pairs and their features, targets overall and of each aspect."""

    pairs: Pairs
    features: Features
    targets: Targets
    aspects: tuple[Targets, ...]
    folds: Folds
    device: torch.device

    def outputs(self, model: RewardHead, rows: Ints) -> tuple[Tensor, Tensor]:
        """Return the outputs of the two answers of pairs rows[n], [n, members, width] each.

        One forward, in which an answer that stands in several of the pairs is read once.
        """
        ends = np.concatenate([self.pairs.first[rows], self.pairs.second[rows]])
        answers, where = np.unique(ends, return_inverse=True)
        found: Tensor = model(*self.features.rows(answers, self.device))
        both = found[torch.from_numpy(where).to(found.device)]  # [2n, members, width]
        return both[: len(rows)], both[len(rows) :]


def fit_head(
    model: RewardHead,
    dataset: HeadDataset,
    objective: Objective,
    config: FrozenConfig,
    report: Report,
) -> HeadResult:
    """Train `model` in place until no member's held-out log-loss improves any more.

    That is the log-loss of the soft labels under the best temperature: it compares losses whose
    rewards live on different scales. Raises DivergedError at a loss that is not finite.
    """
    model.dropout.p, optim = config.dropout, config.optim
    # AdamW's own decay draws towards zero; `_shrink` draws towards where a member started.
    optimizer = torch.optim.AdamW(model.parameters(), lr=optim.learning_rate, weight_decay=0.0)
    # Copies, since every step changes the parameters in place.
    anchors = [parameter.detach().clone() for parameter in model.parameters()]
    order = np.random.default_rng(config.seed)
    members = dataset.folds.members
    best, since, kept = np.full(members, np.inf), 0, _state(model)
    epoch = stopped = 0
    while epoch < optim.num_train_epochs and since < config.early_stopping_patience:
        temperatures, losses = TemperatureLog(objective.scaling), []
        for places in _batches(order, dataset.folds.trained, optim.train_batch_size):
            losses.append(_step(model, dataset, places, objective, optimizer, temperatures))
            _shrink(model, anchors, optim.learning_rate * optim.weight_decay)
        scores, accuracy = _validate(model, dataset)
        epoch, since = epoch + 1, since + 1
        # Each member keeps the weights of its own best epoch: they share no weight, so that the
        # head of all best members is a head that was never seen as a whole, and is as good.
        for member in np.flatnonzero(scores < best):
            best[member], since, stopped = scores[member], 0, epoch
            # Weights have members as their first axis. A buffer that is as long by chance is
            # constant while training, so that copying its row changes nothing.
            for name, value in _state(model).items():
                if value.shape[:1] == (members,):
                    kept[name][member] = value[member]
        numbers = {
            "train_loss": float(np.mean(losses)),
            "validation_log_loss": float(scores.mean()),
            "validation_accuracy": accuracy,
        }
        report(epoch, numbers | temperatures.progress())
    model.load_state_dict(kept)  # the best, not the last
    if model.kind == "gpm":
        # Only now: the mean opponent is one of the weights that were kept.
        model.refer_to(model.outputs(dataset.features)[dataset.pairs.training_answers])
    return HeadResult(
        model=model.eval(),
        gaps=held_out_gaps(model, dataset, dataset.folds.held),
        log_loss=float(best.mean()),
        epochs=stopped,
        temperatures=temperatures,
    )


def _batches(order: np.random.Generator, places: Ints, size: int) -> list[Ints]:
    drawn = order.permutation(places)
    return [drawn[start : start + size] for start in range(0, len(drawn), size)]


def _step(
    model: RewardHead,
    dataset: HeadDataset,
    places: Ints,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    temperatures: TemperatureLog,
) -> float:
    """Take one step on the pairs at `places` of the folds' rows; return its loss."""
    model.train()
    rows = dataset.folds.rows[places]
    members = dataset.folds.members
    first, second = dataset.outputs(model, rows)  # [n, members, width] each
    # Pairs times members become one long batch, [n * members]; who holds a pair out weighs nothing.
    trains = torch.from_numpy(dataset.folds.trains(places)).to(first).reshape(-1)
    # Members vary fastest, as they do in reshape(-1).
    where = torch.from_numpy(rows).repeat_interleave(members)
    counted = _counted(dataset.targets[where].to(dataset.device), trains)
    losses = objective(pair_gaps(model.kind, first, second).reshape(-1), counted)
    temperatures.add(losses.tau)
    loss = losses.loss
    for number, aspect in enumerate(dataset.aspects, 1):
        known = _counted(aspect[where].to(dataset.device), trains)
        if known.weight.any():  # a batch of which nobody judged this aspect has no mean loss
            gaps = (first - second)[..., number].reshape(-1)
            # Their mean: all aspects together count as much as the reward itself.
            loss = loss + objective(gaps, known).loss / len(dataset.aspects)
    check_finite(loss, dataset.pairs.comparisons.comparison_id[rows].tolist())
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.item()


def _counted(targets: Targets, trains: Tensor) -> Targets:
    return replace(targets, weight=targets.weight * trains)


@torch.no_grad()
def _shrink(model: RewardHead, anchors: list[Tensor], rate: float) -> None:
    """Decay weights, decoupled from the gradient, towards each member's own start: its prior."""
    for parameter, anchor in zip(model.parameters(), anchors, strict=True):
        if parameter.requires_grad:
            # w + rate (anchor - w), with rate = learning rate times decay: AdamW's own, moved.
            parameter.lerp_(anchor, rate)


def _state(model: RewardHead) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _validate(model: RewardHead, dataset: HeadDataset) -> tuple[Floats, float]:
    """Return each member's held-out log-loss [members] in nats, under its best temperature.

    Beside it the share right of all held-out pairs, each by the member that held it out.
    """
    # Every k-th, with no draw: the same pairs after each epoch, whose scores then compare.
    places = dataset.folds.held[:: max(1, len(dataset.folds.held) // VALIDATED)]
    gaps = held_out_gaps(model, dataset, places)
    rows, known = dataset.folds.rows[places], dataset.pairs.comparisons
    scores = np.empty(dataset.folds.members)
    for member in range(dataset.folds.members):
        own = dataset.folds.member[places] == member
        labels, weights = known.label[rows[own]], known.weight[rows[own]]
        temperature = fit_temperature(gaps[own], labels, weights)
        scores[member] = mean(row_log_loss(gaps[own] / temperature, labels), weights)
    return scores, mean(row_accuracy(gaps, known.label[rows]), known.weight[rows])


@torch.inference_mode()
def held_out_gaps(
    model: RewardHead, dataset: HeadDataset, places: Ints, size: int = 4096
) -> Floats:
    """Return the gaps [n] of the pairs at `places`, each by the member that held it out."""
    model.eval()
    parts = [np.zeros(0)]  # of no pairs there are no gaps
    for start in range(0, len(places), size):
        part = places[start : start + size]
        gaps = pair_gaps(model.kind, *dataset.outputs(model, dataset.folds.rows[part]))
        own = torch.from_numpy(dataset.folds.member[part]).to(gaps.device)
        # [n, members] to [n]: each pair's own column.
        parts.append(gaps.gather(1, own[:, None]).squeeze(1).double().cpu().numpy())
    return np.concatenate(parts)
