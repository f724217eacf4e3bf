"""The processes of one `accelerate launch`, one a device; alone, every method is free.

Every process runs the same program over the same data in the same order. Gradients are summed
once a step and not while they are computed, so that a step may be any number of forwards and
backwards and its result does not depend on how the work was divided.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.tuning.devices import pick_device


@dataclass(frozen=True, slots=True)
class Processes:
    """This process's number, how many there are, and the device that is its own."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    def join(cls, device: str = "auto") -> "Processes":
        """Join the others, where this process was launched with others."""
        # The launcher sets it.
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls(0, 1, pick_device(device))
        from accelerate import PartialState

        alone_on_cpu = pick_device(device).type == "cpu"
        state: Any = PartialState(cpu=alone_on_cpu)
        return cls(state.process_index, state.num_processes, torch.device(state.device))

    @property
    def is_main_process(self) -> bool:
        """Return whether this is the process that writes and reports."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return the consecutive part of `count` things that is this process's to do."""
        # The next rank starts where this one ends, so that every thing is in exactly one part.
        return slice(count * self.rank // self.count, count * (self.rank + 1) // self.count)

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes: one message, not one a tensor."""
        if self.count == 1 or not tensors:
            return
        # As float32, whatever the tensors are: a sum of bfloat16 gradients loses digits.
        whole = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
        # A sum, not a mean: each process has divided its losses by the weight of the whole batch.
        torch.distributed.all_reduce(whole)
        parts = torch.split(whole, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            # In place, in the tensor's own type: the optimizer reads these very gradients.
            tensor.copy_(part.view_as(tensor))

    def wait_for_everyone(self) -> None:
        """Block until every process is here."""
        if self.count > 1:
            torch.distributed.barrier()
