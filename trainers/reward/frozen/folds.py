"""Which pairs each member trains on, and which it is stopped and calibrated on.

One member trains on the training split and stops on validation. Several share both: each leaves out
one fold of the prompts. Every pair is then a held-out pair of exactly one member, however few
prompts there are, and temperatures are fitted on all of them.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.reward.data import Pairs


@dataclass(frozen=True, slots=True)
class Folds:
    """rows (n,): the pairs in use. member (n,): who holds each out; -1: nobody."""

    rows: NDArray[np.int64]
    member: NDArray[np.int64]
    members: int

    def trains(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether member e trains on the row at each of n places, (n, members)."""
        trains: NDArray[np.bool_] = self.member[places][:, None] != np.arange(self.members)
        return trains

    @property
    def trained(self) -> NDArray[np.int64]:
        """Places in `rows` that some member trains on."""
        return np.flatnonzero(self.member != 0) if self.members == 1 else np.arange(len(self.rows))

    @property
    def held(self) -> NDArray[np.int64]:
        """Places in `rows` that some member holds out."""
        return np.flatnonzero(self.member >= 0)


def make_folds(pairs: Pairs, members: int) -> Folds:
    """Folds of whole prompts, by a hash of the prompt's id; of rows where prompts are too few."""
    train, validation = pairs.holdout.train, pairs.holdout.validation
    rows = np.concatenate([train, validation])
    if members == 1:
        held = np.concatenate([np.full(len(train), -1), np.zeros(len(validation), int)])
        return Folds(rows, held.astype(np.int64), 1)
    names = [str(prompt) for prompt in pairs.comparisons.prompt_id[rows]]
    if len(set(names)) < members:
        names = [f"{name} {place}" for place, name in enumerate(names)]
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())
    members = min(members, len(ranked))
    fold = {name: place % members for place, name in enumerate(ranked)}
    return Folds(rows, np.array([fold[name] for name in names], np.int64), members)
