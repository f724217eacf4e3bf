"""A head before its first step: standardised on the training answers, and its prior."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch

from trainers.arrays import Ints
from trainers.errors import InputError
from trainers.reward.config import FrozenConfig, HeadConfig
from trainers.reward.control import CONTROLLED
from trainers.reward.data import Pairs
from trainers.reward.features import Features
from trainers.reward.head import RewardHead
from trainers.reward.surface import SURFACE_FEATURES

STANDARDISED = 4096  # rows of a pass over features that lie in a file


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStart:
    """What decides a head before its first step, apart from its size."""

    head: HeadConfig
    layers: Literal["last", "all"]
    seed: int
    control: Literal["none", "length", "style"] = "none"

    @classmethod
    def of(cls, config: FrozenConfig) -> Self:
        """Return the start of the heads that a config asks for."""
        return cls(
            head=config.head,
            layers=config.features.layers,
            seed=config.seed,
            control=config.loss.control,
        )


def new_head(
    pairs: Pairs, features: Features, hidden: int, start: HeadStart, members: int
) -> RewardHead:
    """Return a freshly seeded head, standardised on the answers of the training split."""
    # Before the head is made: its inner layer and its prior are drawn from this stream.
    torch.manual_seed(start.seed)
    sizes = (features.prompt.shape[1], features.response.shape[1], features.surface.shape[1])
    model = RewardHead(start.head.kind, sizes, members, hidden, _width(pairs, start.head))
    seen = pairs.training_answers
    model.surface_mean.copy_(torch.from_numpy(features.surface[seen].mean(0)))
    spread = features.surface[seen].std(0)
    model.surface_scale.copy_(torch.from_numpy(spread).clamp(min=1e-3))
    for name in CONTROLLED[start.control]:
        # What is controlled must not come in through the surface either.
        model.surface_used[SURFACE_FEATURES.index(name)] = 0.0
    if start.layers == "all":
        _standardise_layers(model, features, seen)
    _start(model, pairs, features, start.head)
    return model


def _standardise_layers(model: RewardHead, features: Features, seen: Ints) -> None:
    """Make every layer as long as one unit vector on average; a pass over the rows, not a copy."""
    total, square = 0.0, 0.0
    for part in np.array_split(seen, max(1, len(seen) // STANDARDISED)):
        # float64: sums of many squares lose digits in float32.
        values = features.response[part].astype(np.float64)
        total, square = total + values.sum(0), square + (values**2).sum(0)
    centre = total / len(seen)
    # E[x^2] - E[x]^2 cancels where a number hardly varies: never below a spread of 1e-6.
    spread = np.sqrt(np.maximum(square / len(seen) - centre**2, 1e-12))
    model.response_mean.copy_(torch.from_numpy(centre))
    # d numbers of unit variance are sqrt(d) long.
    model.response_scale.copy_(torch.from_numpy(spread * features.prompt.shape[1] ** 0.5))


@torch.no_grad()
def _start(model: RewardHead, pairs: Pairs, features: Features, config: HeadConfig) -> None:
    """Set where the members start from, and are drawn back to: their prior.

    A single scalar member starts from reward 0 everywhere: what was not learned is not believed.
    Several start from small random rewards, one each, so that they differ where no pair told them
    otherwise. A GPM head starts as Bradley–Terry: vectors (r, 1, small, small, …).
    """
    rows = slice(0, min(len(features), STANDARDISED))
    inputs = model.inputs(*features.rows(rows, model.outer.device))
    # Of a linear head the spread of rewards is that of the weights times the inputs' length; a
    # hidden layer's outputs are of order one.
    length = float(inputs.square().sum(1).mean().sqrt()) if not model.hidden else 1.0
    if model.outer_bias.shape[0] > 1:
        model.outer.normal_(0.0, config.prior_scale / max(length, 1e-6))
    if config.kind == "gpm":
        # Not zero: where both vectors of a plane are 0 their product has no gradient.
        model.outer.normal_(0.0, 0.1 / max(length, 1e-6))
        # u0 v1 - u1 v0 is then r(a) - r(b).
        model.outer_bias[:, 1] = 1.0
    if config.kind == "attributes" and config.combination != "learned":
        model.combination.copy_(torch.tensor(_given(pairs, config.combination)))
        model.combination.requires_grad_(False)


def _given(pairs: Pairs, combination: str) -> list[float]:
    """Return the weight of every aspect, in the order of the outputs; 0 for one not named."""
    given: dict[str, float] = {}
    for part in combination.split(","):
        name, _, number = part.partition("=")
        if name.strip() not in pairs.aspects:
            known = ", ".join(pairs.aspects)
            problem = f"{name.strip()!r} is no aspect here; known are {known}"
            raise InputError(f"head.combination: {problem}")
        try:
            given[name.strip()] = float(number)
        except ValueError as error:
            problem = f"{part.strip()!r} is not of the form name=number"
            raise InputError(f"head.combination: {problem}") from error
    return [given.get(name, 0.0) for name in pairs.aspects]


def _width(pairs: Pairs, config: HeadConfig) -> int:
    if config.kind == "gpm":
        return config.dimension
    if config.kind == "scalar":
        return 1
    if not pairs.aspects:
        raise InputError("head.kind attributes: no judgment of this snapshot names an aspect")
    return len(pairs.aspects)
