"""The pairs of a snapshot that a reward model can read: both responses have a text."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.data.comparisons import Comparisons, read_comparisons, read_prompts
from trainers.data.holdout import Holdout, hold_out
from trainers.data.snapshot import Snapshot
from trainers.errors import InputError
from trainers.reward.answers import Answer
from trainers.reward.aspects import Aspect, read_aspects
from trainers.reward.objective import Targets

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Comparisons with both texts; `first` and `second` number rows of `answers`."""

    comparisons: Comparisons
    holdout: Holdout
    first: Rows
    second: Rows
    answers: list[Answer]
    aspects: dict[str, Aspect]
    skipped: int  # comparisons without texts: imported votes
    identical: int  # comparisons of two equal texts: they say nothing of a text

    @property
    def lengths(self) -> Floats:
        """Characters of every answer."""
        return np.array([len(answer.text) for answer in self.answers], np.float64)

    @property
    def training_answers(self) -> Rows:
        """The answers of the training split, each once."""
        train = self.holdout.train
        seen: Rows = np.unique(np.concatenate([self.first[train], self.second[train]]))
        return seen

    @property
    def counts(self) -> dict[str, int]:
        """How many comparisons went where."""
        uses = {name: len(getattr(self.holdout, name)) for name in ("train", "validation", "test")}
        return {**uses, "without_texts": self.skipped, "identical": self.identical}

    def aspect_targets(self) -> tuple[Targets, ...]:
        """What was said of each aspect of every pair; who said nothing of it weighs nothing."""
        nothing, control = torch.zeros(len(self.first)), torch.zeros(len(self.first), 0)
        weight = self.comparisons.weight
        return tuple(
            Targets(
                label=torch.from_numpy(aspect.label).float(),
                tie=torch.from_numpy(aspect.tie).float(),
                margin=nothing,
                weight=torch.from_numpy(weight * (aspect.raters > 0)).float(),
                control=control,
            )
            for aspect in self.aspects.values()
        )

    def targets(self, control: Floats, margin: float = 0.0) -> Targets:
        """What is known of every pair, as tensors; `margin` times a strength is its known margin.

        `control` (answers, c): what of an answer the reward must not reward.
        """
        known = self.comparisons
        columns = (known.label, known.tie, margin * known.strength, known.weight)
        numbers = (*columns, control[self.first] - control[self.second])
        return Targets(*(torch.from_numpy(values).float() for values in numbers))


def read_pairs(snapshot: Snapshot) -> Pairs:
    """Every pair of texts with a consensus; the test split holds only decided ones."""
    prompts = read_prompts(snapshot)
    table = snapshot.table("responses", ["response_id", "text"])
    texts = {
        response: text
        for response, text in zip(*(column.to_pylist() for column in table.columns), strict=True)
        if text is not None
    }
    everything = read_comparisons(snapshot)
    ends = zip(everything.response_a, everything.response_b, strict=True)
    found = [(texts.get(a), texts.get(b)) for a, b in ends]
    usable = np.array([None not in pair for pair in found], bool)
    differ = np.array([a != b for a, b in found], bool)
    tested = np.array([prompts.split[prompt] == "test" for prompt in everything.prompt_id], bool)
    pairs = everything.where(usable & differ & (everything.decided | ~tested))
    if not len(pairs):
        problem = "holds two equal texts" if usable.any() else "lacks a text"
        raise InputError(
            f"{snapshot.path}: no comparison has the texts of two answers: each {problem}"
        )
    keys = list(zip(pairs.prompt_id, pairs.response_a, strict=True))
    keys += zip(pairs.prompt_id, pairs.response_b, strict=True)
    rows = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    numbered = np.array([rows[key] for key in keys], np.int64)
    holdout = hold_out(list(pairs.prompt_id), prompts.split, "decided comparison")
    if not pairs.decided[np.concatenate([holdout.train, holdout.validation])].any():
        raise InputError(f"{snapshot.path}: every comparison of the training split is a tie")
    return Pairs(
        comparisons=pairs,
        holdout=holdout,
        first=numbered[: len(pairs)],
        second=numbered[len(pairs) :],
        answers=[Answer(prompts.messages[prompt], texts[response]) for prompt, response in rows],
        aspects=read_aspects(snapshot, pairs.comparison_id),
        skipped=int((~usable).sum()),
        identical=int((usable & ~differ).sum()),
    )
