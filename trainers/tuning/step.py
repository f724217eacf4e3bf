"""One optimizer step's gradient: computed part by part, so that memory holds it."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor

from trainers.arrays import Ints
from trainers.errors import InputError
from trainers.tuning.processes import Processes


class Task(Protocol):
    """A loss over numbered examples, which can be computed part by part."""

    @property
    def measures(self) -> int:
        """Return how many numbers `part_loss` gives of each example."""
        ...

    @property
    def model(self) -> Any:
        """Return the module whose parameters that require a gradient are trained."""
        ...

    @property
    def smallest(self) -> int:
        """Return the size below which no part can be divided any further."""
        ...

    def split(self, rows: Ints, size: int) -> Iterator[slice]:
        """Yield consecutive slices of rows[n] that each take at most `size`, or one example.

        What a size counts (tokens, examples) is the task's own.
        """
        ...

    def weight(self, rows: Ints) -> Any:
        """Return the sum of the examples' weights: a number, or a scalar tensor on the device."""
        ...

    def part_loss(self, rows: Ints, whole: Any) -> tuple[Tensor, Tensor]:
        """Return what rows[n] add to the mean loss of a batch of weight `whole`, and their numbers.

        The first [] has a gradient; the second [measures, n] has none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step found, of all processes, in the batch's order.

    loss      weighted mean over the batch
    measured  [measures, n] the task's numbers of each example
    """

    loss: float
    measured: Tensor


@dataclass(slots=True, kw_only=True)
class Gradients:
    """Computes the gradient of a task's loss over a batch, in parts of at most `size`.

    The sum over parts does not depend on their number but for rounding, and for what a task
    measures within a part (a correlation, say). When memory runs out, `size` is halved and the
    step begins again.
    """

    task: Task
    processes: Processes
    size: int
    trained: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.trained = [p for p in self.task.model.parameters() if p.requires_grad]

    def of(self, rows: Ints) -> StepResult:
        """Leave the gradient of the weighted mean loss of rows[n] in the parameters.

        Raises InputError where memory does not hold one example.
        """
        own = self.processes.share(len(rows))
        device = self.processes.device
        # Loss and measures in one buffer: one message tells all processes.
        seen = torch.zeros(1 + self.task.measures * len(rows), device=device)
        while not self._accumulated(rows, own, seen):
            self._make_room()
        gradients = [_gradient(parameter) for parameter in self.trained]
        # Once, when all parts are done: a step is any number of forwards on each process.
        self.processes.all_reduce([*gradients, seen])
        measured = seen[1:].cpu().view(self.task.measures, -1)  # [measures, n]
        return StepResult(loss=float(seen[0]), measured=measured)

    def _accumulated(self, rows: Ints, own: slice, seen: Tensor) -> bool:
        """Go backward once a part of this process's rows; return whether memory held it."""
        # Of the whole batch, not of the part: the parts' gradients then add up to its mean.
        whole = self.task.weight(rows)
        for parameter in self.trained:
            # A failed attempt may have left the gradient of some parts.
            parameter.grad = None
        seen.zero_()
        mine, measured = rows[own], seen[1:].view(self.task.measures, -1)
        try:
            for part in self.task.split(mine, self.size):
                loss, found = self.task.part_loss(mine[part], whole)
                # Part by part: the graph of one part is in memory at a time.
                torch.autograd.backward(loss)
                seen[0] += loss.detach()
                # Places of other processes stay zero, so that the sum over all is everything once.
                measured[:, own.start + part.start : own.start + part.stop] = found
        except RuntimeError as error:  # torch.OutOfMemoryError is one, the CPU's is no other class
            if not should_reduce_batch_size(error):
                raise
            if self.size <= self.task.smallest:
                raise InputError(
                    "memory does not hold one pair: lower max_length, set gradient_checkpointing "
                    "where the trainer has it, or take a smaller model"
                ) from error
            return False
        return True

    def _make_room(self) -> None:
        """Take half as much at once from now on.

        Called outside of the exception's handler, whose traceback still holds the failed forward.
        """
        # This process alone need not tell the others: gradients are summed after all parts, so that
        # processes may divide their work differently.
        self.size //= 2
        for parameter in self.trained:
            parameter.grad = None
        # First: memory that something still refers to cannot be given back.
        gc.collect()
        if self.processes.device.type == "cuda":
            torch.cuda.empty_cache()


def _gradient(parameter: Tensor) -> Tensor:
    """Return a parameter's gradient; zeros where nothing of this process's share reached it."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad
