"""Tuning one model: steps over batches of pairs, resumed where a killed run stood."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any

import torch
from torch import Tensor

from trainers.reward.config import TransformerConfig
from trainers.reward.finite import NAMED, DivergedError
from trainers.reward.temperatures import TemperatureLog
from trainers.tuning.batches import Rows, epoch_order
from trainers.tuning.checkpoints import Checkpoints, Progressed
from trainers.tuning.step import Gradients, Outcome

SEED_STRIDE = 1_000_003  # between the streams of two steps and of two processes

Report = Callable[[int, int, dict[str, Any]], None]  # (step, steps, metrics)
AtEpochEnd = Callable[[], float]  # the validation log-loss


@dataclass(frozen=True, slots=True)
class Work:
    """The training pairs, the prompt of each, and what to call a pair in an error."""

    pairs: Rows
    prompts: Rows
    names: list[str]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a run did: its steps, its last epoch's temperatures and gaps, a validation an epoch."""

    steps: int
    loss: float
    tau: Tensor
    validation_log_loss: list[float]
    step_tokens: int

    @property
    def last_log_loss(self) -> float:
        """On validation, of the weights that were kept: those after the last epoch."""
        return self.validation_log_loss[-1]


def tune(
    gradients: Gradients,
    work: Work,
    config: TransformerConfig,
    checkpoints: Checkpoints,
    validate: AtEpochEnd,
    report: Report,
) -> Fitted:
    """Train the trainable parameters in place."""
    model, processes = gradients.backbone.model, gradients.processes
    optimizer = torch.optim.AdamW(_groups(model, config), lr=config.optim.learning_rate, fused=True)
    weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
    an_epoch = ceil(len(work.pairs) / config.optim.train_batch_size)
    steps = config.optim.num_train_epochs * an_epoch
    trace = {
        "tau": torch.zeros(len(work.pairs)),
        "validation": torch.full(
            (config.optim.num_train_epochs,), float("nan"), dtype=torch.float64
        ),
        "loss": torch.zeros((), dtype=torch.float64),
    }
    state = Progressed(0, weights, optimizer, trace)
    checkpoints.restore(state)
    temperatures = TemperatureLog(config)
    model.train()
    for step, batch in _batches(gradients, work, config, state.step):
        torch.manual_seed(config.seed + SEED_STRIDE * (step * processes.count + processes.rank))
        for group in optimizer.param_groups:
            group["lr"] = config.optim.learning_rate * rate_share(
                step, steps, config.optim.warmup_ratio
            )
        found = gradients.of(work.pairs[batch])
        size = torch.nn.utils.clip_grad_norm_(gradients.trained, config.optim.max_grad_norm)
        if not (isfinite(found.loss) and isfinite(float(size))):
            _stop(found, [work.names[row] for row in batch], state, checkpoints, processes.leads)
        optimizer.step()
        state.step = step + 1
        trace["tau"][torch.from_numpy(batch)] = found.tau
        trace["loss"].fill_(found.loss)
        temperatures.add(found.tau)
        metrics = {"loss": found.loss, **temperatures.progress()}
        if state.step % an_epoch == 0:
            score = validate()
            trace["validation"][state.step // an_epoch - 1] = score
            metrics["validation_log_loss"] = score
            temperatures = TemperatureLog(config)
            model.train()
        report(state.step, steps, metrics)
        if processes.leads and (checkpoints.due() or state.step == steps):
            checkpoints.save(state)
    model.eval()
    return Fitted(
        steps,
        float(trace["loss"]),
        trace["tau"],
        trace["validation"].tolist(),
        gradients.step_tokens,
    )


def rate_share(step: int, steps: int, warmup_fraction: float) -> float:
    """Share of the learning rate: linear warm-up, then a linear fall to zero."""
    warm = ceil(steps * warmup_fraction)
    return (step + 1) / warm if step < warm else (steps - step) / (steps - warm)


def _batches(
    gradients: Gradients, work: Work, config: TransformerConfig, done: int
) -> Iterator[tuple[int, Rows]]:
    """Number and rows of every step that is not done yet; what they are, the seed decides."""
    an_epoch = ceil(len(work.pairs) / config.optim.train_batch_size)
    first, second = (ends[work.pairs] for ends in (gradients.corpus.first, gradients.corpus.second))
    for epoch in range(done // an_epoch, config.optim.num_train_epochs):
        order = epoch_order(
            first, second, work.prompts, config.pairs_per_group, [config.seed, epoch]
        )
        for part in range(an_epoch):
            step = epoch * an_epoch + part
            if step >= done:
                yield (
                    step,
                    order[
                        part * config.optim.train_batch_size : (part + 1)
                        * config.optim.train_batch_size
                    ],
                )


def _groups(model: torch.nn.Module, config: TransformerConfig) -> list[dict[str, object]]:
    """Weight decay holds matrices back, not biases and the scales of normalisation."""
    trained = [value for value in model.parameters() if value.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.optim.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _stop(
    found: Outcome, names: list[str], state: Progressed, checkpoints: Checkpoints, leads: bool
) -> None:
    """The weights are still those of the step before: keep them, and say which batch it was."""
    if leads:
        checkpoints.save(state)
    wrong = [
        name for name, gap in zip(names, found.gaps.tolist(), strict=True) if not isfinite(gap)
    ]
    named = wrong or names
    shown = ", ".join(named[:NAMED]) + (" and others" if len(named) > NAMED else "")
    raise DivergedError(
        f"step {state.step + 1}: the loss or its gradient is not a number; comparisons {shown}. "
        f"The state before this step is kept in {checkpoints.folder}. Lower the learning rate, or "
        "look at these comparisons."
    )
