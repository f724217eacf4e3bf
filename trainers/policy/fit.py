"""Preference-scaled DPO as a task of the training loop, over mini-batches of like length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.arrays import Ints
from trainers.objectives.losses import adaptive_preference_loss
from trainers.policy.config import PolicyConfig
from trainers.policy.logprobs import chunks, pair_log_probs
from trainers.policy.pairs import TokenPair
from trainers.progress import Progress
from trainers.tuning.loop import TrainingResult, adamw, tune
from trainers.tuning.processes import Processes
from trainers.tuning.step import Gradients, StepResult

# Batches are cut from runs of this many batches sorted by length: little padding, and still a
# new mixture every epoch.
BUCKET_BATCHES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A pair, and log pi_ref of its chosen and its rejected answer, in nats."""

    pair: TokenPair
    reference: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """What the loop did, and how it began.

    pairs               that went through the model, each as often as it was seen
    initial_margin_rms  root of the mean square of h before the first step, in nats: 0 but for
                        rounding, since a fresh adapter adds nothing
    """

    training: TrainingResult
    pairs: int
    initial_margin_rms: float


def fit_adapter(
    model: Any, examples: Sequence[Example], pad: int, config: PolicyConfig, progress: Progress
) -> FitResult:
    """Train the model's trainable parameters in place."""

    def report(step: int, steps: int, metrics: dict[str, Any]) -> None:
        progress.report("train", step, steps, **metrics)

    task = PolicyTask(model, examples, pad, config)
    processes = Processes(0, 1, model.device)
    size = config.optim.per_device_train_batch_size
    course = PolicyCourse(examples, config)
    found = tune(
        Gradients(task=task, processes=processes, size=size),
        course,
        adamw(model, config.optim, fused=False),
        config.optim,
        seed=config.seed,
        checkpoints=None,
        report=report,
    )
    return FitResult(
        training=found, pairs=course.seen, initial_margin_rms=course.initial_gap_rms / config.beta
    )


@dataclass(frozen=True, slots=True)
class PolicyTask:
    """The preference-scaled DPO loss of pairs. A size counts pairs; measured is each one's gap."""

    model: Any
    examples: Sequence[Example]
    pad: int
    config: PolicyConfig
    measures: int = 1
    smallest: int = 1

    def split(self, rows: Ints, size: int) -> Iterator[slice]:
        """Yield slices of at most `size` of rows[n]."""
        for start in range(0, len(rows), size):
            yield slice(start, min(start + size, len(rows)))

    def weight(self, rows: Ints) -> float:
        """Return the summed weight of pairs rows[n]."""
        return float(sum(self.examples[row].pair.weight for row in rows))

    def part_loss(self, rows: Ints, whole: float) -> tuple[Tensor, Tensor]:
        """Return the share [] of pairs rows[n] in the mean loss, and their gaps [1, n]."""
        examples = [self.examples[row] for row in rows]
        log_probs = pair_log_probs(self.model, [example.pair for example in examples], self.pad)
        found = pair_losses(log_probs, examples, self.config)
        # By the weight of the whole batch: parts then add up to its mean, however it was divided.
        return (found.losses * found.weights).sum() / whole, found.gaps.detach()[None]


class PolicyCourse:
    """Epochs of batches of like length, at most `max_steps` of them."""

    steps_per_epoch: int

    def __init__(self, examples: Sequence[Example], config: PolicyConfig) -> None:
        self._examples = examples
        # All drawn now: one generator runs through them, and a later epoch must not depend on
        # whether the earlier ones were asked for.
        self._epochs = [list(epoch) for epoch in _epochs([e.pair for e in examples], config)]
        self.examples = len(examples)
        self.steps_per_epoch = len(self._epochs[0])
        planned = len(self._epochs) * self.steps_per_epoch
        self.steps = min(planned, config.optim.max_steps or planned)
        self.seen = 0
        self.initial_gap_rms = float("nan")

    def batches(self, epoch: int) -> Iterator[Ints]:
        """Yield the rows of every batch."""
        yield from self._epochs[epoch]

    def names(self, rows: Ints) -> list[str]:
        """Return the ids of comparisons."""
        return [self._examples[row].pair.comparison_id for row in rows]

    def metrics(self, found: StepResult) -> dict[str, Any]:
        """Return the mean gap of the step's pairs; keep what the card says of the first step."""
        if not self.seen:
            self.initial_gap_rms = float(found.measured.square().mean().sqrt())
        self.seen += found.measured.shape[1]
        return {"margin": float(found.measured.mean())}

    def end_epoch(self) -> float:
        """Return NaN: a policy is measured after training alone."""
        return float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLosses:
    """Losses, gaps d = beta h and weights of n pairs, [n] each."""

    losses: Tensor
    gaps: Tensor
    weights: Tensor


def pair_losses(
    log_probs: Tensor, examples: Sequence[Example], config: PolicyConfig
) -> PolicyLosses:
    """Return the losses of pairs, from log pi [2, n] of their answers.

    h = [log pi / pi_ref](chosen) - [log pi / pi_ref](rejected), and d = beta h is the gap of the
    adaptive preference loss (arXiv 2406.02764, Ada-DPO); tau is in the units of d. To it comes
    rpo_alpha (2 p - 1) times the negative log-likelihood of a token of the chosen answer (RPO,
    Pang et al. 2024, arXiv 2404.19733, equation 3 at p = 1): a tie prefers no answer.
    """
    # [2, pairs]; constants: the reference was computed once, with the adapter off.
    reference = log_probs.new_tensor([example.reference for example in examples]).T
    # [pairs] each, in nats.
    chosen, rejected = log_probs - reference
    label = log_probs.new_tensor([example.pair.label for example in examples])
    # Near 0 at the first step, where an adapter adds nothing yet: tau is tau0 and the gradient in d
    # is 1/2 - label, so that training does start.
    gap = config.beta * (chosen - rejected)
    lengths = log_probs.new_tensor([len(example.pair.chosen) for example in examples])
    likelihood = -log_probs[0] / lengths  # [pairs], nats a token, the end token among them
    return PolicyLosses(
        losses=adaptive_preference_loss(gap, label, config.scaling)
        + config.rpo_alpha * (2 * label - 1) * likelihood,
        gaps=gap,
        weights=log_probs.new_tensor([example.pair.weight for example in examples]),
    )


def _epochs(pairs: Sequence[TokenPair], config: PolicyConfig) -> Iterator[Iterator[Ints]]:
    """Yield the batches of each epoch, in an order that the seed alone decides."""
    generator, size = torch.Generator().manual_seed(config.seed), config.optim.train_batch_size
    for _ in range(config.optim.num_train_epochs):
        shuffled = torch.randperm(len(pairs), generator=generator).tolist()
        batches: list[list[int]] = []
        for bucket in chunks(shuffled, BUCKET_BATCHES * size):
            bucket.sort(key=lambda index: pairs[index].length)
            batches += chunks(bucket, size)
        # Shuffled again: sorted batches would teach short answers before long ones.
        order = torch.randperm(len(batches), generator=generator).tolist()
        yield (np.array(batches[index]) for index in order)
