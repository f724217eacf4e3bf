"""The pairs of a snapshot that a reward model can read: both responses have a text."""

from dataclasses import dataclass

import numpy as np
import torch

from trainers.arrays import Floats, Ints
from trainers.data.comparisons import Comparisons, read_comparisons, read_prompts
from trainers.data.holdout import Holdout, hold_out
from trainers.data.snapshot import Snapshot
from trainers.errors import InputError
from trainers.objectives.pairwise import Targets
from trainers.reward.aspects import Aspect, read_aspects
from trainers.reward.model import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Comparisons with both texts.

    first, second  [n] rows of `answers` that are the two sides
    aspects        what was said of each aspect of the n comparisons
    skipped        comparisons without texts: imported votes
    identical      comparisons of two equal texts: they say nothing of a text
    """

    comparisons: Comparisons
    holdout: Holdout
    first: Ints
    second: Ints
    answers: list[Answer]
    aspects: dict[str, Aspect]
    skipped: int
    identical: int

    @property
    def lengths(self) -> Floats:
        """Return the characters of every answer."""
        return np.array([len(answer.text) for answer in self.answers], np.float64)

    @property
    def training_answers(self) -> Ints:
        """Return the answers of the training split, each once."""
        train = self.holdout.train  # test and validation decide no scale
        seen: Ints = np.unique(np.concatenate([self.first[train], self.second[train]]))
        return seen

    @property
    def counts(self) -> dict[str, int]:
        """Return how many comparisons went where."""
        uses = {name: len(getattr(self.holdout, name)) for name in ("train", "validation", "test")}
        return {**uses, "without_texts": self.skipped, "identical": self.identical}

    def aspect_targets(self) -> tuple[Targets, ...]:
        """Return targets of each aspect; a pair of which nobody judged it weighs nothing."""
        # An aspect has no known strength, and nothing is controlled for in it.
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
        """Return what is known of every pair; `margin` times a strength is its known margin.

        control[answers, c] is what of an answer the reward must not reward.
        """
        known = self.comparisons
        return Targets(
            label=torch.from_numpy(known.label).float(),
            tie=torch.from_numpy(known.tie).float(),
            margin=torch.from_numpy(margin * known.strength).float(),
            weight=torch.from_numpy(known.weight).float(),
            control=torch.from_numpy(control[self.first] - control[self.second]).float(),
        )


def read_pairs(snapshot: Snapshot) -> Pairs:
    """Return every pair of texts with a consensus; the test split holds only decided ones.

    Raises InputError where no pair is left, or no training pair has a winner.
    """
    prompts = read_prompts(snapshot)
    table = snapshot.table("responses", ["response_id", "text"])
    texts = {
        response: text
        for response, text in zip(*(column.to_pylist() for column in table.columns), strict=True)
        if text is not None  # an imported vote has none
    }
    # Comparisons, their texts and the masks below: [all comparisons] each.
    everything = read_comparisons(snapshot)
    ends = zip(everything.response_a, everything.response_b, strict=True)
    found = [(texts.get(a), texts.get(b)) for a, b in ends]
    usable = np.array([None not in pair for pair in found], bool)
    differ = np.array([a != b for a, b in found], bool)
    # A tie teaches how often people cannot decide, but no one can be right about its winner.
    tested = np.array([prompts.split[prompt] == "test" for prompt in everything.prompt_id], bool)
    pairs = everything.where(usable & differ & (everything.not_tied | ~tested))
    if not len(pairs):
        problem = "holds two equal texts" if usable.any() else "lacks a text"
        raise InputError(
            f"{snapshot.path}: no comparison has the texts of two answers: each {problem}"
        )
    # An answer is a response to a prompt: the same response under another prompt is another one.
    keys = list(zip(pairs.prompt_id, pairs.response_a, strict=True))
    keys += zip(pairs.prompt_id, pairs.response_b, strict=True)
    # In the order of first appearance, which no hash decides.
    rows = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    numbered = np.array([rows[key] for key in keys], np.int64)
    holdout = hold_out(list(pairs.prompt_id), prompts.split, "decided comparison")
    if not pairs.not_tied[np.concatenate([holdout.train, holdout.validation])].any():
        raise InputError(f"{snapshot.path}: every comparison of the training split is a tie")
    return Pairs(
        comparisons=pairs,
        holdout=holdout,
        first=numbered[: len(pairs)],
        second=numbered[len(pairs) :],
        answers=[Answer(prompts.messages[prompt], texts[response]) for prompt, response in rows],
        aspects=read_aspects(snapshot, pairs.comparison_id),  # rows in the order of `pairs`
        skipped=int((~usable).sum()),
        identical=int((usable & ~differ).sum()),
    )
