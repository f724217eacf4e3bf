"""Fitting the embedding: batches of prompts with everything observed on them."""

from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from trainers.arrays import Floats32, Ints
from trainers.embedding.bilinear import Bilinear
from trainers.embedding.config import EmbeddingConfig
from trainers.embedding.embedllm import fit_embedllm
from trainers.embedding.evidence_tensors import ComparisonLoss, EvidenceTensors
from trainers.embedding.result import Report, TrainingResult
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.features import FeatureMap, learn_features
from trainers.objectives.losses import adaptive_preference_loss, bradley_terry_loss
from trainers.objectives.scaling import ScalingConfig
from trainers.tuning.devices import pick_device

# A pool of a few hundred prompts is few batches: a hundred steps in all would leave its models
# where they began.
MIN_STEPS_PER_EPOCH = 32
# An intercept is a logit itself and has further to go than any other entry.
INTERCEPT_RATE_FACTOR = 10.0
# In nats: log-loss is mostly how hard a prompt is, and hardly sees the differences between models
# that routing lives on and that the last, smallest steps still improve.
MIN_DELTA = 1e-3

COMPARISON_LOSSES: dict[str, ComparisonLoss] = {
    "logistic": bradley_terry_loss,
    "adaptive": partial(adaptive_preference_loss, scaling=ScalingConfig()),
}


def fit_embedding(
    evidence: Evidence, vectors: Floats32, config: EmbeddingConfig, report: Report
) -> tuple[TrainingResult, int]:
    """Return the model of prompts' vectors [P, d] and evidence, and its number of epochs.

    A first run on the training prompts chooses the epoch by the validation prompts: the latest
    whose log-loss is as good as the lowest. A second run then learns from both for as long.
    """
    if config.method == "embedllm":
        return fit_embedllm(evidence, vectors, report)
    train, validation = evidence.holdout.train, evidence.holdout.validation
    epochs = config.optim.num_train_epochs
    # scores[epoch], counted from 1. With `chosen` at least 1 the second run has a last epoch.
    best, chosen, scores = float("inf"), 1, [0.0]
    features, tensors = _prepared(evidence, vectors, train, config)
    for epoch, model in enumerate(_epochs(evidence, tensors, train, config), start=1):
        scores.append(_log_loss(model, tensors, torch.from_numpy(validation)))
        report(epoch, 2 * epochs, scores[epoch])
        # The latest of the good ones is chosen, while `best` stays the lowest: no creeping upwards.
        if scores[epoch] < best + MIN_DELTA:
            best, chosen = min(best, scores[epoch]), epoch
    prompts = evidence.holdout.train_and_validation
    features, tensors = _prepared(evidence, vectors, prompts, config)
    # The same schedule as before, left at the same epoch: a shorter one would end at other rates.
    for epoch, model in enumerate(islice(_epochs(evidence, tensors, prompts, config), chosen), 1):
        report(epochs + epoch, 2 * epochs, scores[chosen])
        last = model
    return _result(last.eval(), features), chosen


def _prepared(
    evidence: Evidence, vectors: Floats32, prompts: Ints, config: EmbeddingConfig
) -> tuple[FeatureMap, EvidenceTensors]:
    """Return the features learned from some prompts, and the evidence in terms of them.

    Of the other prompts the topics are guessed, as they are when somebody asks.
    """
    shares = evidence.topic_shares()
    features = learn_features(vectors[prompts], shares[prompts], config.seed)
    # Known topics of validation prompts would make the choice of epochs too hopeful.
    known = np.zeros_like(shares)
    known[prompts] = shares[prompts]
    loss, device = COMPARISON_LOSSES[config.loss], pick_device(config.device)
    return features, EvidenceTensors(evidence, features(vectors, known), loss, device)


def _epochs(
    evidence: Evidence, tensors: EvidenceTensors, prompts: Ints, config: EmbeddingConfig
) -> Iterator[Bilinear]:
    """Yield the model after every epoch over some prompts, always the same object."""
    # Seeded here, not by the caller: both runs of `fit_embedding` must begin alike.
    torch.manual_seed(config.seed)
    device = tensors.features.device
    families = torch.from_numpy(evidence.family_numbers())
    model = Bilinear(tensors.features.shape[1], families, config.dimension).to(device)
    optimizer = torch.optim.AdamW(_parameter_groups(model, config))
    rows = torch.from_numpy(prompts).to(device)
    # On the CPU whatever the device, so that the order of batches is the same everywhere.
    order = torch.Generator().manual_seed(config.seed)
    epochs, size = config.optim.num_train_epochs, config.optim.train_batch_size
    # A generator of its own: counting the batches must not advance the order.
    steps = epochs * len(_batches(rows, size, torch.Generator()))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        model.train()
        for batch in _batches(rows, size, order):
            optimizer.zero_grad()
            torch.autograd.backward(tensors.loss(model, batch))
            optimizer.step()
            schedule.step()
        yield model


def _result(model: Bilinear, features: FeatureMap) -> TrainingResult:
    """Return the model as z(q) . p_m + c0.

    z_0 = 1 carries the intercept, the others lie along the axes of the spread of models, so that
    a prior of independent entries is the spread itself.
    """
    # In float64: the scorer multiplies what is folded together here.
    deep = model.double().cpu()
    with torch.no_grad():
        vectors, intercepts = deep.vectors().numpy(), deep.intercepts().numpy()
        weight = deep.projection.weight.numpy()
    # All k axes, also of fewer models: an orthogonal matrix leaves the products z . p alone.
    axes = np.linalg.svd(vectors - vectors.mean(0))[2]
    # z_0 = 0 . x + 1.
    whole = np.vstack([np.zeros(weight.shape[1]), axes @ weight])
    one = np.zeros(len(whole))  # [1 + k]
    one[0] = 1.0
    offset = float(intercepts.mean())
    p = np.hstack([intercepts[:, None] - offset, vectors @ axes.T])  # [M, 1 + k]
    return TrainingResult(features=features.then(whole, one), vectors=p, offset=offset)


def _batches(train: Tensor, size: int, order: torch.Generator) -> list[Tensor]:
    """Return one shuffled pass over prompts; of a small pool several, for enough steps."""
    batches: list[Tensor] = []
    while len(batches) < MIN_STEPS_PER_EPOCH:
        # Drawn where the generator lives, then moved: the order is the same on every device.
        shuffled = train[torch.randperm(len(train), generator=order).to(train.device)]
        batches += torch.split(shuffled, size)
    return batches


def _parameter_groups(model: Bilinear, config: EmbeddingConfig) -> list[dict[str, object]]:
    """Return AdamW's groups: what is decayed, and at which rate each learns.

    Only what grows with the data is decayed: the projection and the models' deviations. The mean
    vector is shared by all, and intercepts have a prior of their own.
    """
    rate, decay = config.optim.learning_rate, config.optim.weight_decay
    intercepts = [model.intercept, model.shared_intercept, model.own_intercept]
    return [
        {
            "params": [model.shared, model.own, model.projection.weight],
            "lr": rate,
            "weight_decay": decay,
        },
        {"params": [model.mean], "lr": rate, "weight_decay": 0.0},
        {"params": intercepts, "lr": INTERCEPT_RATE_FACTOR * rate, "weight_decay": 0.0},
    ]


@torch.inference_mode()
def _log_loss(model: Bilinear, tensors: EvidenceTensors, prompts: Tensor) -> float:
    """Return the mean log-loss of prompts [B], each weighing the same, in nats."""
    model.eval()
    return float(tensors.loss_by_prompt(model, prompts.to(tensors.features.device)))
