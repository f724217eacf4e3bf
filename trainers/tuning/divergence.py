"""Stopping at the first loss that is not a number, with the name of the batch that gave it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.errors import InputError

NAMED = 8  # examples of a batch that a message lists


class DivergedError(InputError):
    """A loss was not finite; the message names the batch."""


def check_finite(loss: Tensor, examples: Sequence[object]) -> None:
    """Refuse a loss [] that is not finite, naming examples of its batch."""
    if bool(torch.isfinite(loss.detach())):
        return
    raise DivergedError(
        f"the loss is {float(loss.detach())} on the batch of comparisons "
        f"{listed(examples)}; training stopped: a smaller learning_rate, "
        "or a look at these comparisons, may help"
    )


def listed(examples: Sequence[object]) -> str:
    """Return the names of a few examples, and how many more there are."""
    more = f" and {len(examples) - NAMED} more" if len(examples) > NAMED else ""
    return ", ".join(map(str, examples[:NAMED])) + more
