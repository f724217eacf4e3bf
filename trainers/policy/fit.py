"""Fitting the adapter: preference-scaled DPO over mini-batches of like length."""

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import Tensor

from trainers.errors import InputError
from trainers.objectives.losses import adaptive_preference_loss
from trainers.policy.config import PolicyConfig
from trainers.policy.logprobs import chunks, pair_log_probs
from trainers.policy.pairs import TokenPair
from trainers.progress import Progress

# Batches are cut from runs of this many batches sorted by length: little padding, and still a
# new mixture every epoch.
BUCKET_BATCHES = 8


@dataclass(frozen=True, slots=True)
class Example:
    """A pair, and log pi_ref of its chosen and its rejected answer."""

    pair: TokenPair
    reference: tuple[float, float]


@dataclass(slots=True)
class Fitted:
    """What a run did: its optimizer steps, its last loss, and the micro-batch that fitted."""

    steps: int = 0
    loss: float = 0.0
    micro_batch: int = 0


def fit_adapter(
    model: Any, examples: Sequence[Example], pad: int, config: PolicyConfig, progress: Progress
) -> Fitted:
    """Train the model's trainable parameters in place."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=config.optim.learning_rate, weight_decay=config.optim.weight_decay
    )
    batches = list(_batches([example.pair for example in examples], config))[
        : config.optim.max_steps
    ]
    fitted = Fitted(micro_batch=config.optim.per_device_train_batch_size)
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = config.optim.learning_rate * rate_share(step, len(batches), config)
        optimizer.zero_grad()
        rows = [examples[index] for index in batch]
        fitted.loss = _backward(model, rows, pad, config, fitted)
        torch.nn.utils.clip_grad_norm_(trained, config.optim.max_grad_norm)
        optimizer.step()
        fitted.steps = step + 1
        progress.report("train", step + 1, len(batches), loss=fitted.loss)
    return fitted


def rate_share(step: int, steps: int, config: PolicyConfig) -> float:
    """Share of the learning rate: linear warm-up, then a linear fall to zero."""
    warm = ceil(steps * config.optim.warmup_ratio)
    return (step + 1) / warm if step < warm else (steps - step) / (steps - warm)


def pair_losses(
    log_probs: Tensor, examples: Sequence[Example], config: PolicyConfig
) -> tuple[Tensor, Tensor]:
    """Adaptive losses of pairs and their weights, (n,) each, from log pi (2, n) of the answers.

    h = [log pi / pi_ref](chosen) - [log pi / pi_ref](rejected), and d = beta h is the gap of the
    adaptive preference loss (arXiv 2406.02764, Ada-DPO); tau is in the units of d.
    """
    reference = log_probs.new_tensor([example.reference for example in examples]).T
    chosen, rejected = log_probs - reference
    label = log_probs.new_tensor([example.pair.label for example in examples])
    weight = log_probs.new_tensor([example.pair.weight for example in examples])
    gap = config.beta * (chosen - rejected)
    return adaptive_preference_loss(gap, label, config.scaling), weight


def _backward(
    model: Any, rows: Sequence[Example], pad: int, config: PolicyConfig, fitted: Fitted
) -> float:
    """Accumulate the gradient of the weighted mean loss; halve the micro-batch until it fits."""
    while True:
        try:
            return _accumulate(model, rows, pad, config, fitted.micro_batch)
        except torch.OutOfMemoryError as error:
            if fitted.micro_batch == 1:
                raise InputError(
                    "memory does not hold one pair: lower max_length or take a smaller base"
                ) from error
        # Outside of the handler, where the failed forward's tensors are no longer held.
        fitted.micro_batch //= 2
        model.zero_grad()
        gc.collect()
        if model.device.type == "cuda":
            torch.cuda.empty_cache()


def _accumulate(
    model: Any, rows: Sequence[Example], pad: int, config: PolicyConfig, size: int
) -> float:
    """One backward a micro-batch; the sum of gradients does not depend on `size`."""
    whole, total = sum(example.pair.weight for example in rows), 0.0
    for part in chunks(range(len(rows)), size):
        examples = [rows[index] for index in part]
        log_probs = pair_log_probs(model, [example.pair for example in examples], pad)
        losses, weights = pair_losses(log_probs, examples, config)
        loss = (losses * weights).sum() / whole
        torch.autograd.backward(loss)
        total += float(loss.detach())
    return total


def _batches(pairs: Sequence[TokenPair], config: PolicyConfig) -> Iterator[list[int]]:
    """Row numbers of each batch of each epoch, in an order that the seed alone decides."""
    generator = torch.Generator().manual_seed(config.seed)
    for _ in range(config.optim.num_train_epochs):
        shuffled = torch.randperm(len(pairs), generator=generator).tolist()
        batches: list[list[int]] = []
        for bucket in chunks(shuffled, BUCKET_BATCHES * config.optim.train_batch_size):
            bucket.sort(key=lambda index: pairs[index].length)
            batches += chunks(bucket, config.optim.train_batch_size)
        order = torch.randperm(len(batches), generator=generator).tolist()
        yield from (batches[index] for index in order)
