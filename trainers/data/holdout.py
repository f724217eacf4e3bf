"""Which rows train, which choose, which judge, when a snapshot may have few prompts."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainers.arrays import Ints
from trainers.errors import InputError

HELD_OUT = 0.15  # of the training prompts, where no row lies in the validation split


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """Row numbers by use; no prompt of `test` is in the other two."""

    train: Ints
    validation: Ints
    test: Ints

    @property
    def train_and_validation(self) -> Ints:
        """Return the rows to learn from once every choice is made, in order."""
        return np.sort(np.concatenate([self.train, self.validation]))


def hold_out(prompts: Sequence[str], split: Mapping[str, str], what: str) -> Holdout:
    """Divide rows by the split of their prompt.

    With no row in the validation split some training prompts take its place, or, of a single
    prompt, some of its rows. `what` names the rows in errors: train and test may not be empty.
    """
    sides = np.array([split[prompt] for prompt in prompts], object)
    train, validation, test = (
        np.flatnonzero(sides == side) for side in ("train", "validation", "test")
    )
    for side, rows in (("training", train), ("test", test)):
        if not len(rows):
            raise InputError(f"the snapshot has no {what} in the {side} split")
    if not len(validation):
        train, validation = _divide(train, prompts, what)
    return Holdout(train=train, validation=validation, test=test)


def _divide(train: Ints, prompts: Sequence[str], what: str) -> tuple[Ints, Ints]:
    """Return training and validation rows, of training rows alone.

    Prompts are ranked by their digest, not drawn: the same pool is always divided alike, whatever
    the seed of a training.
    """
    names = [prompts[row] for row in train]
    if len(set(names)) == 1:
        names = [f"{name} {row}" for row, name in enumerate(names)]
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())
    if len(ranked) == 1:
        raise InputError(f"the snapshot has a single {what} to train on")
    # One at least is held out, and of two names or more at least one is left to train on.
    held = set(ranked[: max(1, round(HELD_OUT * len(ranked)))])
    chosen = np.array([name in held for name in names])
    return train[~chosen], train[chosen]
