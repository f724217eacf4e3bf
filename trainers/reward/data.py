"""The pairs of a snapshot that a reward model can read: both responses have a text."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.comparisons import Comparisons, read_comparisons, read_prompts
from trainers.encoder import Encoder
from trainers.errors import InputError
from trainers.holdout import Holdout, hold_out
from trainers.reward.features import Features, response_features
from trainers.snapshot import Snapshot

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Comparisons with both texts; `first` and `second` number rows of (prompt, response)."""

    comparisons: Comparisons
    holdout: Holdout
    first: Rows
    second: Rows
    texts: list[tuple[str, str]]  # (prompt, response) of each row
    skipped: int  # comparisons without texts: imported votes

    def features(
        self, encoder: Encoder, report: Callable[[int, int], None] | None = None
    ) -> Features:
        """The features of every row."""
        return response_features(encoder, self.texts, report)

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Characters of every row's response."""
        return np.array([len(response) for _, response in self.texts], np.float64)


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
    usable = np.array([a in texts and b in texts for a, b in ends], bool)
    tested = np.array([prompts.split[prompt] == "test" for prompt in everything.prompt_id], bool)
    pairs = everything.where(usable & (everything.decided | ~tested))
    if not len(pairs):
        raise InputError(f"{snapshot.path}: no comparison has the texts of both responses")
    keys = list(zip(pairs.prompt_id, pairs.response_a, strict=True))
    keys += zip(pairs.prompt_id, pairs.response_b, strict=True)
    rows = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    numbered = np.array([rows[key] for key in keys], np.int64)
    return Pairs(
        comparisons=pairs,
        holdout=hold_out(list(pairs.prompt_id), prompts.split, "decided comparison"),
        first=numbered[: len(pairs)],
        second=numbered[len(pairs) :],
        texts=[(prompts.text[prompt], texts[response]) for prompt, response in rows],
        skipped=int((~usable).sum()),
    )
