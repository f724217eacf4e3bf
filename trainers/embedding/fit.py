"""Fitting the embedding: batches of prompts with everything observed on them."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainers.devices import pick_device
from trainers.embedding.config import Config
from trainers.embedding.data import Evidence
from trainers.embedding.model import EmbedLLM
from trainers.losses import bradley_terry_loss

Report = Callable[[int, int, float], None]  # (epoch, epochs, validation log-loss)
Floats = NDArray[np.float32]

# A pool of a few hundred prompts is one batch: a hundred steps in all would leave its models where
# they began. Patience, counted in epochs, still ends the fit when validation stops improving.
STEPS_AN_EPOCH = 16


class RowsByPrompt:
    """Rows grouped by prompt, so that those of a batch of prompts are found without a search."""

    def __init__(self, prompt: NDArray[np.int64], prompts: int, columns: list[Tensor]) -> None:
        order = np.argsort(prompt, kind="stable")
        counts = np.bincount(prompt, minlength=prompts)
        self.counts = torch.from_numpy(counts).to(columns[0].device)
        self.starts = torch.from_numpy(np.cumsum(counts) - counts).to(columns[0].device)
        self.columns = [column[torch.from_numpy(order).to(column.device)] for column in columns]

    def of(self, prompts: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The place in `prompts` (B,) of each of their rows, and the rows' columns."""
        counts = self.counts[prompts]
        place = torch.repeat_interleave(torch.arange(len(prompts), device=prompts.device), counts)
        within = torch.arange(len(place), device=place.device) - (counts.cumsum(0) - counts)[place]
        rows = self.starts[prompts][place] + within
        return place, [column[rows] for column in self.columns]


class EvidenceTensors:
    """Question vectors, outcomes and duels on the training device."""

    def __init__(self, evidence: Evidence, vectors: Floats, device: torch.device) -> None:
        def tensor(array: NDArray[np.generic]) -> Tensor:
            kind = torch.float32 if array.dtype.kind == "f" else torch.int64
            return torch.from_numpy(array).to(device, kind)

        ran, fought = evidence.outcomes, evidence.duels
        count = len(evidence.prompts)
        self.vectors = tensor(vectors)
        self.outcomes = RowsByPrompt(ran.prompt, count, [tensor(ran.model), tensor(ran.score)])
        columns = (fought.first, fought.second, fought.label, fought.weight)
        self.duels = RowsByPrompt(fought.prompt, count, [tensor(column) for column in columns])

    def rows(self, model: EmbedLLM, prompts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of all rows on `prompts` (B,): the place of its prompt, cross-entropy in nats, weight.

        An outcome is a soft label of sigma(s_m), a duel of sigma(s_a - s_b).
        """
        logits = model(self.vectors[prompts])
        place, (ran, score) = self.outcomes.of(prompts)
        outcome = binary_cross_entropy_with_logits(logits[place, ran], score, reduction="none")
        at, (first, second, label, weight) = self.duels.of(prompts)
        duel = bradley_terry_loss(logits[at, first] - logits[at, second], label)
        weights = torch.cat([torch.ones_like(score), weight])
        return torch.cat([place, at]), torch.cat([outcome, duel]), weights

    def loss(self, model: EmbedLLM, prompts: Tensor) -> Tensor:
        """The weighted mean over all rows on `prompts`."""
        _, losses, weights = self.rows(model, prompts)
        return (losses @ weights) / weights.sum()

    def loss_by_prompt(self, model: EmbedLLM, prompts: Tensor) -> Tensor:
        """The mean over prompts of each one's own weighted mean.

        A prompt that was judged a thousand times says no more about other prompts than one that
        was judged ten times: for what generalises, each prompt is one observation.
        """
        place, losses, weights = self.rows(model, prompts)
        sums = losses.new_zeros(2, len(prompts))
        sums[0].index_add_(0, place, losses * weights)
        sums[1].index_add_(0, place, weights)
        seen = sums[1] > 0
        return (sums[0, seen] / sums[1, seen]).mean()


def fit_embedding(
    evidence: Evidence, vectors: Floats, config: Config, report: Report
) -> tuple[EmbedLLM, int]:
    """The model of the epoch with the lowest validation log-loss, and that epoch."""
    device = pick_device(config.device)
    tensors = EvidenceTensors(evidence, vectors, device)
    model = EmbedLLM(len(evidence.models), vectors.shape[1], config.dimension, config.noise)
    model.to(device)
    optimizer = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.learning_rate)
    train = torch.from_numpy(evidence.holdout.train).to(device)
    validation = torch.from_numpy(evidence.holdout.validation).to(device)
    order = torch.Generator().manual_seed(config.seed)
    best, kept, since, epoch = float("inf"), model.state_dict(), 0, 0
    while epoch < config.epochs and since < config.patience:
        _epoch(model, tensors, _batches(train, config.batch, order), optimizer)
        score = _log_loss(model, tensors, validation)
        epoch, since = epoch + 1, since + 1
        if score < best:
            best, since = score, 0
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        report(epoch, config.epochs, score)
    model.load_state_dict(kept)
    return model.eval(), epoch - since


def _batches(train: Tensor, size: int, order: torch.Generator) -> list[Tensor]:
    """One shuffled pass over the prompts; of a small pool several, until there are enough steps."""
    batches: list[Tensor] = []
    while len(batches) < STEPS_AN_EPOCH:
        shuffled = train[torch.randperm(len(train), generator=order).to(train.device)]
        batches += torch.split(shuffled, size)
    return batches


def _groups(model: EmbedLLM, decay: float) -> list[dict[str, object]]:
    """Only what grows with the data is decayed: the projection and the models' deviations."""
    decayed = [model.deviation, model.projection.weight]
    others = [p for p in model.parameters() if all(p is not d for d in decayed)]
    return [
        {"params": decayed, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _epoch(
    model: EmbedLLM,
    tensors: EvidenceTensors,
    batches: list[Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    model.train()
    for prompts in batches:
        optimizer.zero_grad()
        torch.autograd.backward(tensors.loss(model, prompts))
        optimizer.step()


@torch.inference_mode()
def _log_loss(model: EmbedLLM, tensors: EvidenceTensors, prompts: Tensor) -> float:
    model.eval()
    return float(tensors.loss_by_prompt(model, prompts))
