"""One step's gradient: both sides of every pair in one go, each answer once, within memory."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor

from trainers.errors import InputError
from trainers.reward.backbone.forward import Backbone
from trainers.reward.backbone.reading import Tokens
from trainers.reward.objective import Objective, Targets
from trainers.tuning.batches import Rows, split_to_fit
from trainers.tuning.processes import Processes


@dataclass(frozen=True, slots=True)
class Corpus:
    """Distinct sequences, the pairs between them, and what is known of the pairs."""

    sequences: Sequence[Tokens]
    first: Rows
    second: Rows
    targets: Targets

    @property
    def lengths(self) -> Rows:
        return np.array([len(tokens) for tokens in self.sequences], np.int64)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step found, of all processes: its loss, gaps and temperatures in the batch's order."""

    loss: float
    gaps: Tensor
    tau: Tensor


@dataclass(slots=True)
class Gradients:
    """Computes the gradient of the objective over a batch, in parts that memory holds.

    The sum over parts does not depend on their number but for rounding, except for the objective's
    correlation with what is controlled, which is taken within each part.
    """

    backbone: Backbone
    corpus: Corpus
    objective: Objective
    processes: Processes
    step_tokens: int
    lengths: Rows = field(init=False)
    trained: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = self.corpus.lengths
        self.trained = [p for p in self.backbone.model.parameters() if p.requires_grad]

    def of(self, pairs: Rows) -> Outcome:
        """Leave the gradient of the batch's weighted mean loss in the parameters."""
        mine = self.processes.share(len(pairs))
        seen = torch.zeros(1 + 2 * len(pairs), device=self.backbone.device)
        while not self._accumulated(pairs, mine, seen):
            self._make_room()
        gradients = [_gradient(parameter) for parameter in self.trained]
        self.processes.add_up([*gradients, seen])
        gaps, tau = seen[1:].cpu().view(2, -1)
        return Outcome(float(seen[0]), gaps, tau)

    def _accumulated(self, pairs: Rows, mine: slice, seen: Tensor) -> bool:
        """One backward a part; whether memory held it."""
        whole = self.corpus.targets.weight[torch.from_numpy(pairs)].sum().to(seen.device)
        for parameter in self.trained:
            parameter.grad = None
        seen.zero_()
        rows = pairs[mine]
        ends = self.corpus.first[rows], self.corpus.second[rows]
        try:
            for part in split_to_fit(*ends, self.lengths, self.step_tokens):
                place = torch.arange(mine.start + part.start, mine.start + part.stop)
                self._backward(rows[part], place.to(seen.device), whole, seen)
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            if not should_reduce_batch_size(error):
                raise
            if self.step_tokens <= self.lengths.min():
                raise InputError(
                    "memory does not hold one pair: lower max_length, set gradient_checkpointing, "
                    "or take a smaller backbone"
                ) from error
            return False
        return True

    def _backward(self, pairs: Rows, place: Tensor, whole: Tensor, seen: Tensor) -> None:
        first, second = self.corpus.first[pairs], self.corpus.second[pairs]
        ends, where = np.unique(np.concatenate([first, second]), return_inverse=True)
        rewards = self.backbone.rewards([self.corpus.sequences[end] for end in ends])
        sides = rewards[torch.from_numpy(where).to(rewards.device)]
        gaps = sides[: len(pairs)] - sides[len(pairs) :]
        targets = self.corpus.targets[torch.from_numpy(pairs)].to(rewards.device)
        found = self.objective(gaps, targets)
        loss = found.loss * (targets.weight.sum() / whole)
        torch.autograd.backward(loss)
        seen[0] += loss.detach()
        both = seen[1:].view(2, -1)
        both[0, place], both[1, place] = gaps.detach(), found.tau.float()

    def _make_room(self) -> None:
        """Half as much at once from now on; called where the failed forward is no longer held."""
        self.step_tokens //= 2
        for parameter in self.trained:
            parameter.grad = None
        gc.collect()
        if self.backbone.device.type == "cuda":
            torch.cuda.empty_cache()


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:  # nothing of this process's share reached it
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad
