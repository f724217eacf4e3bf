"""Rewards of token sequences, without computing padding."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.arrays import Ints
from trainers.reward.reading import Tokens
from trainers.tuning.batches import buckets

# What a forward costs before its first token, in tokens. On a CPU layers are entered in tens of
# microseconds; a GPU needs thousands of tokens at once to be busy (not measured on one yet).
OVERHEAD = {"cpu": 32, "cuda": 4096}


@dataclass(frozen=True, slots=True)
class Backbone:
    """A sequence-classification model with one label, and how it is run.

    pad    id of the padding token
    dtype  of the matrix products: float32, or bfloat16 by autocast, which keeps weights as they are
    """

    model: Any
    pad: int
    dtype: torch.dtype

    @property
    def device(self) -> torch.device:
        device: torch.device = self.model.device
        return device

    def rewards(self, sequences: Sequence[Tokens]) -> Tensor:
        """Return one number a sequence, [n] float32, in their order; a forward a bucket."""
        lengths = np.array([len(tokens) for tokens in sequences], np.int64)
        found = buckets(lengths, OVERHEAD.get(self.device.type, OVERHEAD["cuda"]))
        with self._autocast():  # once, so that weights are rounded once
            parts = [self._forward([sequences[row] for row in rows]) for rows in found]
        # The inverse of the order in which the buckets took the sequences.
        order = torch.from_numpy(np.argsort(np.concatenate(found))).to(self.device)
        return torch.cat(parts)[order]

    def _forward(self, sequences: Sequence[Tokens]) -> Tensor:
        inputs = {name: value.to(self.device) for name, value in padded(sequences, self.pad)}
        logits: Tensor = self.model(**inputs).logits
        return logits.squeeze(1).float()  # [rows, 1] to [rows]; losses are in float32

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)


def padded(sequences: Sequence[Tokens], pad: int) -> Iterator[tuple[str, Tensor]]:
    """Yield model inputs [rows, longest], padded on the right; no mask where nothing is padded.

    Without a mask attention takes its fastest path.
    """
    lengths = [len(tokens) for tokens in sequences]
    shape = len(sequences), max(lengths)
    # On the right: BERT's positions count from the left, and a decoder's causal mask hides padding.
    ids, types = np.full(shape, pad, np.int64), np.zeros(shape, np.int64)
    for row, tokens in enumerate(sequences):
        ids[row, : lengths[row]] = tokens.ids
        if tokens.types is not None:
            types[row, : lengths[row]] = tokens.types
    yield "input_ids", torch.from_numpy(ids)
    if sequences[0].types is not None:
        yield "token_type_ids", torch.from_numpy(types)
    if min(lengths) < max(lengths):
        mask = np.arange(shape[1]) < np.array(lengths)[:, None]  # [rows, longest]
        yield "attention_mask", torch.from_numpy(mask.astype(np.int64))


def in_parts(sequences: Sequence[Tokens], most: int) -> Iterator[Ints]:
    """Yield sequence numbers, longest first, in parts of at most `most` tokens with padding."""
    order = np.argsort([-len(tokens) for tokens in sequences], kind="stable")
    start = 0
    while start < len(order):
        # The first of a part is its longest: every other one is padded to it.
        size = max(1, most // max(1, len(sequences[order[start]])))
        yield order[start : start + size]
        start += size
