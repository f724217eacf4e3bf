"""Which pairs each member trains on, and which it is stopped and calibrated on.

One member trains on the training split and stops on validation. Several share both: each leaves out
one fold of the prompts. Every pair is then a held-out pair of exactly one member, however few
prompts there are, and temperatures are fitted on all of them.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from trainers.arrays import Bools, Ints
from trainers.reward.data import Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Which member of an ensemble holds which pair out.

    rows     [n] the pairs in use
    member   [n] who holds each out; -1: nobody
    members  how many there are
    """

    rows: Ints
    member: Ints
    members: int

    def trains(self, places: Ints) -> Bools:
        """Return whether each member trains on the row at each place, [n, members]."""
        # [n, 1] against [members]: all but the one that holds the row out.
        trains: Bools = self.member[places][:, None] != np.arange(self.members)
        return trains

    @property
    def trained(self) -> Ints:
        """Return the places in `rows` that some member trains on."""
        # A single member is number 0 and holds validation out. Of several, each pair is held out by
        # one and trained on by the others.
        return np.flatnonzero(self.member != 0) if self.members == 1 else np.arange(len(self.rows))

    @property
    def held(self) -> Ints:
        """Return the places in `rows` that some member holds out."""
        return np.flatnonzero(self.member >= 0)


def make_folds(pairs: Pairs, members: int) -> Folds:
    """Return folds of whole prompts, by a hash of the prompt's id; of rows where prompts are few.

    Whole prompts, because answers to one prompt are alike: a member would know the pairs that it
    is stopped on. Ordered by a hash, so that folds do not follow the order of arrival.
    """
    train, validation = pairs.holdout.train, pairs.holdout.validation
    rows = np.concatenate([train, validation])
    if members == 1:
        held = np.concatenate([np.full(len(train), -1), np.zeros(len(validation), int)])
        return Folds(rows=rows, member=held.astype(np.int64), members=1)
    names = [str(prompt) for prompt in pairs.comparisons.prompt_id[rows]]
    if len(set(names)) < members:
        names = [f"{name} {place}" for place, name in enumerate(names)]
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())
    members = min(members, len(ranked))
    # Dealt in turn: folds differ by one prompt at most.
    fold = {name: place % members for place, name in enumerate(ranked)}
    own = np.array([fold[name] for name in names], np.int64)
    return Folds(rows=rows, member=own, members=members)
