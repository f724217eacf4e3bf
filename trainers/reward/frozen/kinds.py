"""The three kinds of head: what its outputs are, and what they say of two answers.

scalar      one reward
attributes  a reward and one number an aspect; the reward is their combination
gpm         a vector of 2k numbers compared by a skew-symmetric form (General Preference Model,
            arXiv 2410.02197): preferences may go in circles. With k = 1 and vectors (r, 1) it is
            Bradley–Terry, which is where it starts.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trainers.reward.config import HeadKind

Numbers = TypeVar("Numbers", Tensor, NDArray[np.float64])


def pair_gaps(kind: HeadKind, first: Numbers, second: Numbers) -> Numbers:
    """Logits of the first answers over the second, (…), from outputs (…, width).

    Exactly antisymmetric in floating point: swapping the answers changes the sign and no bit.
    """
    if kind != "gpm":
        gaps: Numbers = first[..., 0] - second[..., 0]
        return gaps
    turned = first[..., 0::2] * second[..., 1::2] - first[..., 1::2] * second[..., 0::2]
    total: Numbers = turned.sum(-1)
    return total
