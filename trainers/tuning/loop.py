"""The training loop: steps over batches, resumed where a killed run stopped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, Protocol

import torch
from torch import Tensor

from trainers.arrays import Ints
from trainers.tuning.checkpoints import Checkpoints, TrainingState
from trainers.tuning.config import WarmupOptimConfig
from trainers.tuning.divergence import DivergedError, listed
from trainers.tuning.step import Gradients, StepResult

SEED_STRIDE = 1_000_003  # between the random streams of two steps and of two processes

Report = Callable[[int, int, dict[str, Any]], None]  # (step, steps, metrics)


class Course(Protocol):
    """What a run goes through: the batches of every epoch, and what is said of each step."""

    @property
    def examples(self) -> int:
        """Return how many examples there are; a batch numbers them."""
        ...

    @property
    def steps(self) -> int:
        """Return the steps of the whole run."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """Return the steps of an epoch; the last epoch may end early."""
        ...

    def batches(self, epoch: int) -> Iterator[Ints]:
        """Yield the rows of every batch of an epoch: a function of the seed and the epoch alone."""
        ...

    def names(self, rows: Ints) -> list[str]:
        """Return what to call examples in an error."""
        ...

    def metrics(self, found: StepResult) -> dict[str, Any]:
        """Return what the progress line of a step shows beside its loss."""
        ...

    def end_epoch(self) -> float:
        """Return the validation log-loss in nats after an epoch, or NaN without validation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a run did.

    steps                done
    loss                 of the last step
    measured             [measures, examples] the task's numbers of every example, when last seen
    validation_log_loss  after every epoch, in nats
    size                 of a part that memory held in the end
    """

    steps: int
    loss: float
    measured: Tensor
    validation_log_loss: list[float]
    size: int

    @property
    def last_log_loss(self) -> float:
        """Return that of the weights which were kept: those after the last epoch."""
        return self.validation_log_loss[-1]


def tune(
    gradients: Gradients,
    course: Course,
    optimizer: torch.optim.Optimizer,
    config: WarmupOptimConfig,
    *,
    seed: int,
    checkpoints: Checkpoints | None,
    report: Report,
) -> TrainingResult:
    """Train the task's trainable parameters in place.

    Raises DivergedError at the first loss or gradient that is not finite; the weights are then
    those of the step before, in a checkpoint where checkpoints are kept.
    """
    model, processes = gradients.task.model, gradients.processes
    trace = {
        "measured": torch.zeros(gradients.task.measures, course.examples),
        # NaN is an epoch that has not ended yet, or had no validation.
        "validation": torch.full((_epochs(course),), float("nan"), dtype=torch.float64),
        "loss": torch.zeros((), dtype=torch.float64),
    }
    # Only what is trained: a base under an adapter comes from its own checkpoint.
    weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
    state = TrainingState(step=0, weights=weights, optimizer=optimizer, trace=trace)
    if checkpoints is not None:
        checkpoints.restore(state)
    model.train()
    for step, rows in _batches(course, state.step):
        # Dropout's stream is a function of the step: a resumed run draws what a whole one draws.
        torch.manual_seed(seed + SEED_STRIDE * (step * processes.count + processes.rank))
        # A function of the step as well: no scheduler has a state to restore.
        for group in optimizer.param_groups:
            share = rate_share(step, course.steps, config.warmup_ratio)
            group["lr"] = config.learning_rate * share
        found = gradients.of(rows)
        # The norm of before the clipping.
        norm = torch.nn.utils.clip_grad_norm_(gradients.trained, config.max_grad_norm)
        # Before the step: a weight that is no number cannot be trained back, and loss alone does
        # not tell, since a finite loss can have an infinite gradient.
        if not (isfinite(found.loss) and isfinite(float(norm))):
            kept = checkpoints if processes.is_main_process else None
            raise _diverged(found, course.names(rows), state, kept)
        optimizer.step()
        state.step = step + 1
        # [measures, n]; an example seen again overwrites what was measured of it before.
        trace["measured"][:, torch.from_numpy(rows)] = found.measured
        trace["loss"].fill_(found.loss)
        metrics = {"loss": found.loss, **course.metrics(found)}
        if state.step % course.steps_per_epoch == 0:
            score = course.end_epoch()
            # Into the trace, not only the progress: a resumed run needs the scores of before.
            trace["validation"][state.step // course.steps_per_epoch - 1] = score
            if isfinite(score):
                metrics["validation_log_loss"] = score
            # Validation left the model in evaluation mode.
            model.train()
        report(state.step, course.steps, metrics)
        # After the last step too: a run that is killed while it is measured trains nothing again.
        due = checkpoints is not None and (checkpoints.due() or state.step == course.steps)
        if checkpoints is not None and due and processes.is_main_process:
            checkpoints.save(state)
    model.eval()
    return TrainingResult(
        steps=course.steps,
        loss=float(trace["loss"]),
        measured=trace["measured"],
        validation_log_loss=trace["validation"].tolist(),
        size=gradients.size,
    )


def adamw(
    model: torch.nn.Module, config: WarmupOptimConfig, *, fused: bool
) -> torch.optim.Optimizer:
    """Return AdamW over the trainable parameters.

    Weight decay holds matrices back, not biases and the scales of normalisation. `fused` is one
    kernel for all parameters: faster, and it rounds differently from the plain one.
    """
    trained = [value for value in model.parameters() if value.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=fused)


def rate_share(step: int, steps: int, warmup_ratio: float) -> float:
    """Return the share of the learning rate at a step: a linear warm-up, then a fall to zero.

    The step after the last would have 0; the last one still moves.
    """
    warm = ceil(steps * warmup_ratio)
    # Steps count from 0: with + 1 the first one moves already.
    return (step + 1) / warm if step < warm else (steps - step) / (steps - warm)


def _epochs(course: Course) -> int:
    return ceil(course.steps / course.steps_per_epoch)


def _batches(course: Course, done: int) -> Iterator[tuple[int, Ints]]:
    """Yield the number and the rows of every step that is not done yet."""
    # Finished epochs are not drawn: the order of an epoch depends on no other.
    for epoch in range(done // course.steps_per_epoch, _epochs(course)):
        for step, rows in enumerate(course.batches(epoch), epoch * course.steps_per_epoch):
            if done <= step < course.steps:
                yield step, rows


def _diverged(
    found: StepResult, names: list[str], state: TrainingState, checkpoints: Checkpoints | None
) -> DivergedError:
    """Keep the weights, which are still those of the step before; name the examples at fault."""
    kept = ""
    if checkpoints is not None:
        checkpoints.save(state)
        kept = f" The state before this step is kept in {checkpoints.folder}."
    # [n]. A gradient may be infinite where every measured number is finite: then all are named.
    finite = found.measured.isfinite().all(0).tolist()
    wrong = [name for name, fine in zip(names, finite, strict=True) if not fine]
    return DivergedError(
        f"step {state.step + 1}: the loss or its gradient is not a number; comparisons "
        f"{listed(wrong or names)}.{kept} Lower the learning rate, or look at these comparisons."
    )
