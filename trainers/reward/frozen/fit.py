"""Fitting the members of a head together: one pass over the pairs, each member with its own part.

A member's weights meet no other member's, its loss counts its own training pairs only, and it is
stopped on its own held-out pairs; that they share batches only saves gathering features twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.reward.config import FrozenConfig
from trainers.reward.data import Pairs
from trainers.reward.finite import check_finite
from trainers.reward.frozen.features import Features
from trainers.reward.frozen.folds import Folds
from trainers.reward.frozen.kinds import pair_gaps
from trainers.reward.frozen.model import RewardHead
from trainers.reward.objective import Objective, Targets
from trainers.reward.temperatures import TemperatureLog
from trainers.statistics.measures import fit_temperature, mean, row_accuracy, row_log_loss

Floats = NDArray[np.float64]
Report = Callable[[int, dict[str, Any]], None]  # (epoch, what it came to)
VALIDATED = 20_000  # held-out pairs looked at after each epoch: more would not choose better


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained head; `gaps` (n,) of the held-out pairs by the member that held each out."""

    model: RewardHead
    gaps: Floats
    log_loss: float
    epochs: int
    temperatures: TemperatureLog


@dataclass(frozen=True, slots=True)
class Material:
    """What a fit reads: pairs and their features, targets overall and of each aspect."""

    pairs: Pairs
    features: Features
    targets: Targets
    aspects: tuple[Targets, ...]
    folds: Folds
    device: torch.device

    def outputs(self, model: RewardHead, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Outputs of the two answers of some pairs, (n, members, width) each.

        One forward, in which an answer that stands in several of the pairs is read once.
        """
        ends = np.concatenate([self.pairs.first[rows], self.pairs.second[rows]])
        answers, where = np.unique(ends, return_inverse=True)
        said: Tensor = model(*self.features.rows(answers, self.device))
        both = said[torch.from_numpy(where).to(said.device)]
        return both[: len(rows)], both[len(rows) :]


def fit_head(
    model: RewardHead,
    material: Material,
    objective: Objective,
    config: FrozenConfig,
    report: Report,
) -> Fitted:
    """Train `model` in place until no member's held-out log-loss improves any more.

    That is the log-loss of the soft labels under the best temperature: it compares losses whose
    rewards live on different scales.
    """
    model.dropout.p = config.dropout
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.optim.learning_rate, weight_decay=0.0
    )
    anchors = [parameter.detach().clone() for parameter in model.parameters()]
    order = np.random.default_rng(config.seed)
    members = material.folds.members
    best, since, kept = np.full(members, np.inf), 0, _state(model)
    epoch = stopped = 0
    while epoch < config.optim.num_train_epochs and since < config.early_stopping_patience:
        temperatures, losses = TemperatureLog(config), []
        for places in _batches(order, material.folds.trained, config.optim.train_batch_size):
            losses.append(_step(model, material, places, objective, optimizer, temperatures))
            _shrink(model, anchors, config.optim.learning_rate * config.optim.weight_decay)
        scores, accuracy = _validate(model, material)
        epoch, since = epoch + 1, since + 1
        for member in np.flatnonzero(scores < best):
            best[member], since, stopped = scores[member], 0, epoch
            for name, value in _state(model).items():
                if value.shape[:1] == (members,):
                    kept[name][member] = value[member]
        numbers = {
            "train_loss": float(np.mean(losses)),
            "validation_log_loss": float(scores.mean()),
            "validation_accuracy": accuracy,
        }
        report(epoch, numbers | temperatures.progress())
    model.load_state_dict(kept)
    if model.kind == "gpm":
        model.refer_to(model.outputs(material.features)[material.pairs.training_answers])
    gaps = held_out_gaps(model, material, material.folds.held)
    return Fitted(model.eval(), gaps, float(best.mean()), stopped, temperatures)


def _batches(
    order: np.random.Generator, places: NDArray[np.int64], size: int
) -> list[NDArray[np.int64]]:
    drawn = order.permutation(places)
    return [drawn[start : start + size] for start in range(0, len(drawn), size)]


def _step(
    model: RewardHead,
    material: Material,
    places: NDArray[np.int64],
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    temperatures: TemperatureLog,
) -> float:
    """One step on the pairs at `places` of the folds' rows; its loss."""
    model.train()
    rows = material.folds.rows[places]
    members = material.folds.members
    first, second = material.outputs(model, rows)
    trains = torch.from_numpy(material.folds.trains(places)).to(first).reshape(-1)
    where = torch.from_numpy(rows).repeat_interleave(members)
    counted = _counted(material.targets[where].to(material.device), trains)
    losses = objective(pair_gaps(model.kind, first, second).reshape(-1), counted)
    temperatures.add(losses.tau)
    loss = losses.loss
    for number, aspect in enumerate(material.aspects, 1):
        known = _counted(aspect[where].to(material.device), trains)
        if known.weight.any():
            gaps = (first - second)[..., number].reshape(-1)
            loss = loss + objective(gaps, known).loss / len(material.aspects)
    check_finite(loss, material.pairs.comparisons.comparison_id[rows])
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    return loss.item()


def _counted(targets: Targets, trains: Tensor) -> Targets:
    return replace(targets, weight=targets.weight * trains)


@torch.no_grad()
def _shrink(model: RewardHead, anchors: list[Tensor], rate: float) -> None:
    """Decoupled weight decay towards each member's own start: its prior."""
    for parameter, anchor in zip(model.parameters(), anchors, strict=True):
        if parameter.requires_grad:
            parameter.lerp_(anchor, rate)


def _state(model: RewardHead) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _validate(model: RewardHead, material: Material) -> tuple[Floats, float]:
    """Each member's log-loss of its held-out pairs under their best temperature, in nats.

    Beside it the share right of all held-out pairs, each by the member that held it out.
    """
    places = material.folds.held[:: max(1, len(material.folds.held) // VALIDATED)]
    gaps = held_out_gaps(model, material, places)
    rows, known = material.folds.rows[places], material.pairs.comparisons
    scores = np.empty(material.folds.members)
    for member in range(material.folds.members):
        own = material.folds.member[places] == member
        labels, weights = known.label[rows[own]], known.weight[rows[own]]
        temperature = fit_temperature(gaps[own], labels, weights)
        scores[member] = mean(row_log_loss(gaps[own] / temperature, labels), weights)
    return scores, mean(row_accuracy(gaps, known.label[rows]), known.weight[rows])


@torch.inference_mode()
def held_out_gaps(
    model: RewardHead, material: Material, places: NDArray[np.int64], size: int = 4096
) -> Floats:
    """Gaps (n,) of the pairs at `places`, each by the member that held it out."""
    model.eval()
    parts = [np.zeros(0)]
    for start in range(0, len(places), size):
        part = places[start : start + size]
        gaps = pair_gaps(model.kind, *material.outputs(model, material.folds.rows[part]))
        own = torch.from_numpy(material.folds.member[part]).to(gaps.device)
        parts.append(gaps.gather(1, own[:, None]).squeeze(1).double().cpu().numpy())
    return np.concatenate(parts)
