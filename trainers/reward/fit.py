"""Fitting one reward model: batches of pairs, validation each epoch, the best state kept."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.losses import weighted_mean
from trainers.measures import fit_temperature, mean, row_log_loss
from trainers.reward.config import Config
from trainers.reward.data import Pairs
from trainers.reward.features import Features
from trainers.reward.model import RewardModel

PairLoss = Callable[[Tensor, Tensor], Tensor]  # (gap, label) -> loss, all (n,)
Report = Callable[[int, int, float], None]  # (epoch, epochs, validation log-loss)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model with its temperature set, and how it got there."""

    model: RewardModel
    validation_log_loss: float
    epochs: int


class PairTensors:
    """Pairs and their features on the training device."""

    def __init__(self, pairs: Pairs, features: Features, device: torch.device) -> None:
        columns = (features.prompt, features.response, features.surface)
        self.columns = [torch.from_numpy(np.ascontiguousarray(c)).to(device) for c in columns]
        self.first = torch.from_numpy(pairs.first).to(device)
        self.second = torch.from_numpy(pairs.second).to(device)
        self.label = torch.from_numpy(pairs.comparisons.label).float().to(device)
        self.weight = torch.from_numpy(pairs.comparisons.weight).float().to(device)

    def gaps(self, model: RewardModel, rows: Tensor) -> Tensor:
        """r(a) - r(b) of the pairs numbered `rows`, (n,): both responses in one forward."""
        ends = torch.cat([self.first[rows], self.second[rows]])
        rewards: Tensor = model(*(column[ends] for column in self.columns))
        return rewards[: len(rows)] - rewards[len(rows) :]


def fit_reward(
    model: RewardModel,
    tensors: PairTensors,
    pairs: Pairs,
    loss: PairLoss,
    config: Config,
    report: Report,
) -> Fitted:
    """Train `model` in place with `loss` until validation stops improving.

    Validation is the log-loss of the soft labels under the best temperature: it compares losses
    whose rewards live on different scales.
    """
    train = torch.from_numpy(pairs.holdout.train)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    order = torch.Generator().manual_seed(config.seed)
    best, kept, since, epoch = float("inf"), model.state_dict(), 0, 0
    while epoch < config.epochs and since < config.patience:
        shuffled = train[torch.randperm(len(train), generator=order)]
        _epoch(model, tensors, shuffled, loss, optimizer, config.batch)
        score = _validate(model, tensors, pairs)
        epoch, since = epoch + 1, since + 1
        if score < best:
            best, since = score, 0
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        report(epoch, config.epochs, score)
    model.load_state_dict(kept)
    return Fitted(model.eval(), best, epoch - since)


def _epoch(
    model: RewardModel,
    tensors: PairTensors,
    rows: Tensor,
    loss: PairLoss,
    optimizer: torch.optim.Optimizer,
    batch: int,
) -> None:
    model.train()
    for part in torch.split(rows, batch):
        optimizer.zero_grad()
        losses = loss(tensors.gaps(model, part), tensors.label[part])
        torch.autograd.backward(weighted_mean(losses, tensors.weight[part]))
        optimizer.step()


@torch.inference_mode()
def _validate(model: RewardModel, tensors: PairTensors, pairs: Pairs) -> float:
    """Set the temperature on the validation pairs; their log-loss under it, in nats."""
    model.eval()
    rows = pairs.holdout.validation
    gaps = tensors.gaps(model, torch.from_numpy(rows)).double().cpu().numpy()
    labels, weights = pairs.comparisons.label[rows], pairs.comparisons.weight[rows]
    temperature = fit_temperature(gaps, labels, weights)
    model.temperature.fill_(temperature)
    return mean(row_log_loss(gaps / temperature, labels), weights)
