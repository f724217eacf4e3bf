"""Fitting the embedding: batches of prompts with everything observed on them."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainers.embedding.config import Config
from trainers.embedding.data import Evidence
from trainers.embedding.features import FeatureMap, learn_features
from trainers.embedding.fitted import Fitted, Report
from trainers.embedding.model import Bilinear
from trainers.embedding.published import fit_published
from trainers.objectives.losses import adaptive_preference_loss, bradley_terry_loss
from trainers.objectives.scaling import PreferenceScaling
from trainers.tuning.devices import pick_device

Floats = NDArray[np.float32]

DuelLoss = Callable[[Tensor, Tensor], Tensor]

# A pool of a few hundred prompts is few batches: a hundred steps in all would leave its models
# where they began.
STEPS_AN_EPOCH = 32
LEVELS_FASTER = 10.0
# In nats: log-loss is mostly how hard a prompt is, and hardly sees the differences between models
# that routing lives on and that the last, smallest steps still improve.
INDIFFERENT = 1e-3


DUEL_LOSSES: dict[str, DuelLoss] = {
    "logistic": bradley_terry_loss,
    "adaptive": partial(adaptive_preference_loss, scaling=PreferenceScaling()),
}


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
    """Questions' features, outcomes and duels on the training device."""

    def __init__(
        self, evidence: Evidence, features: Floats, duel_loss: DuelLoss, device: torch.device
    ) -> None:
        def tensor(array: NDArray[np.generic]) -> Tensor:
            kind = torch.float32 if array.dtype.kind == "f" else torch.int64
            return torch.from_numpy(array).to(device, kind)

        ran, fought = evidence.outcomes, evidence.duels
        count = len(evidence.prompts)
        self.features = tensor(features)
        self.duel_loss = duel_loss
        self.weight = float(len(ran.score) + fought.weight.sum())
        self.outcomes = RowsByPrompt(ran.prompt, count, [tensor(ran.model), tensor(ran.score)])
        columns = (fought.first, fought.second, fought.label, fought.weight)
        self.duels = RowsByPrompt(fought.prompt, count, [tensor(column) for column in columns])

    def rows(
        self, model: Bilinear, prompts: Tensor, duel_loss: DuelLoss
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of all rows on `prompts` (B,): the place of its prompt, loss in nats, weight.

        An outcome is a soft label of sigma(s_m), a duel of sigma(s_a - s_b).
        """
        logits = model(self.features[prompts])
        place, (ran, score) = self.outcomes.of(prompts)
        outcome = binary_cross_entropy_with_logits(logits[place, ran], score, reduction="none")
        at, (first, second, label, weight) = self.duels.of(prompts)
        duel = duel_loss(logits[at, first] - logits[at, second], label)
        weights = torch.cat([torch.ones_like(score), weight])
        return torch.cat([place, at]), torch.cat([outcome, duel]), weights

    def loss(self, model: Bilinear, prompts: Tensor) -> Tensor:
        """The weighted mean over all rows on `prompts`, and the levels' prior's part of it."""
        _, losses, weights = self.rows(model, prompts, self.duel_loss)
        return (losses @ weights) / weights.sum() + model.surprise() / self.weight

    def loss_by_prompt(self, model: Bilinear, prompts: Tensor) -> Tensor:
        """The mean over prompts of each one's own weighted mean.

        A prompt that was judged a thousand times says no more about other prompts than one that
        was judged ten times: for what generalises, each prompt is one observation.
        """
        place, losses, weights = self.rows(model, prompts, bradley_terry_loss)
        sums = losses.new_zeros(2, len(prompts))
        sums[0].index_add_(0, place, losses * weights)
        sums[1].index_add_(0, place, weights)
        seen = sums[1] > 0
        return (sums[0, seen] / sums[1, seen]).mean()


def fit_embedding(
    evidence: Evidence, vectors: Floats, config: Config, report: Report
) -> tuple[Fitted, int]:
    """The model, and how many epochs it was trained.

    Training prompts teach and validation prompts choose the epoch, the latest whose log-loss is as
    good as the lowest; then both teach together for as long.
    """
    if config.method == "embedllm":
        return fit_published(evidence, vectors, report)
    train, validation = evidence.holdout.train, evidence.holdout.validation
    best, chosen, scores = float("inf"), 1, [0.0]
    features, tensors = _prepared(evidence, vectors, train, config)
    for epoch, model in enumerate(_epochs(evidence, tensors, train, config), start=1):
        scores.append(_log_loss(model, tensors, torch.from_numpy(validation)))
        report(epoch, 2 * config.epochs, scores[epoch])
        if scores[epoch] < best + INDIFFERENT:
            best, chosen = min(best, scores[epoch]), epoch
    told = evidence.holdout.taught
    features, tensors = _prepared(evidence, vectors, told, config)
    for epoch, model in enumerate(islice(_epochs(evidence, tensors, told, config), chosen), 1):
        report(config.epochs + epoch, 2 * config.epochs, scores[chosen])
        last = model
    return _exported(last.eval(), features), chosen


def _prepared(
    evidence: Evidence, vectors: Floats, prompts: NDArray[np.int64], config: Config
) -> tuple[FeatureMap, EvidenceTensors]:
    """The features that some prompts teach, and the evidence in terms of them.

    Of the other prompts the topics are guessed, as they are when somebody asks.
    """
    shares = evidence.topic_shares()
    features = learn_features(vectors[prompts], shares[prompts], config.seed)
    known = np.zeros_like(shares)
    known[prompts] = shares[prompts]
    loss, device = DUEL_LOSSES[config.loss], pick_device(config.device)
    return features, EvidenceTensors(evidence, features(vectors, known), loss, device)


def _epochs(
    evidence: Evidence, tensors: EvidenceTensors, prompts: NDArray[np.int64], config: Config
) -> Iterator[Bilinear]:
    """The model after every epoch over some prompts, always the same object."""
    torch.manual_seed(config.seed)
    device = tensors.features.device
    families = torch.from_numpy(evidence.family_numbers())
    model = Bilinear(tensors.features.shape[1], families, config.dimension).to(device)
    optimizer = torch.optim.AdamW(_groups(model, config))
    rows = torch.from_numpy(prompts).to(device)
    order = torch.Generator().manual_seed(config.seed)
    steps = config.epochs * len(_batches(rows, config.batch, torch.Generator()))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(config.epochs):
        model.train()
        for batch in _batches(rows, config.batch, order):
            optimizer.zero_grad()
            torch.autograd.backward(tensors.loss(model, batch))
            optimizer.step()
            schedule.step()
        yield model


def _exported(model: Bilinear, features: FeatureMap) -> Fitted:
    """The model as z(q) . p_m + c0: z_0 = 1 carries the level, the others lie along the axes of
    the spread of models, so that a prior of independent entries is the spread itself.
    """
    deep = model.double().cpu()
    with torch.no_grad():
        vectors, levels = deep.vectors().numpy(), deep.levels().numpy()
        weight = deep.projection.weight.numpy()
    axes = np.linalg.svd(vectors - vectors.mean(0))[2]
    whole = np.vstack([np.zeros(weight.shape[1]), axes @ weight])
    one = np.zeros(len(whole))
    one[0] = 1.0
    offset = float(levels.mean())
    p = np.hstack([levels[:, None] - offset, vectors @ axes.T])
    return Fitted(features.then(whole, one), p, offset)


def _batches(train: Tensor, size: int, order: torch.Generator) -> list[Tensor]:
    """One shuffled pass over the prompts; of a small pool several, until there are enough steps."""
    batches: list[Tensor] = []
    while len(batches) < STEPS_AN_EPOCH:
        shuffled = train[torch.randperm(len(train), generator=order).to(train.device)]
        batches += torch.split(shuffled, size)
    return batches


def _groups(model: Bilinear, config: Config) -> list[dict[str, object]]:
    """Only what grows with the data is decayed: the projection and the models' deviations.

    The levels are logits themselves and have further to go than any other entry.
    """
    rate, decay = config.learning_rate, config.weight_decay
    levels = [model.level, model.shared_level, model.own_level]
    return [
        {
            "params": [model.shared, model.own, model.projection.weight],
            "lr": rate,
            "weight_decay": decay,
        },
        {"params": [model.mean], "lr": rate, "weight_decay": 0.0},
        {"params": levels, "lr": LEVELS_FASTER * rate, "weight_decay": 0.0},
    ]


@torch.inference_mode()
def _log_loss(model: Bilinear, tensors: EvidenceTensors, prompts: Tensor) -> float:
    model.eval()
    return float(tensors.loss_by_prompt(model, prompts.to(tensors.features.device)))
