"""Stopping at the first loss that is not a number, with the name of the batch that gave it."""

from collections.abc import Iterable

import torch
from torch import Tensor

from trainers.errors import InputError

NAMED = 8


class DivergedError(InputError):
    """A loss was not finite; the message names the batch."""


def check_finite(loss: Tensor, comparisons: Iterable[object]) -> None:
    """Refuse a loss (a scalar) that is not finite, naming comparisons of its batch."""
    if bool(torch.isfinite(loss.detach())):
        return
    names = [str(name) for name in comparisons]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    raise DivergedError(
        f"the loss is {float(loss.detach())} on the batch of comparisons "
        f"{', '.join(names[:NAMED])}{more}; training stopped: a smaller learning_rate, "
        "or a look at these comparisons, may help"
    )
