"""Rows: sequences that are read and written, each with the cache of its own keys and values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trainers.generation.sampling import Draws


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheShape:
    """What one token takes in the cache of a model."""

    layers: int
    heads: int
    width: int
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, model: Any) -> "CacheShape":
        """Return the shape for a causal model of transformers."""
        config = model.config
        heads = config.num_attention_heads
        return cls(
            layers=config.num_hidden_layers,
            heads=getattr(config, "num_key_value_heads", None) or heads,
            width=getattr(config, "head_dim", None) or config.hidden_size // heads,
            dtype=model.dtype,
            device=model.device,
        )

    @property
    def token_bytes(self) -> int:
        """Return how many bytes a token takes, its keys and its values."""
        return 2 * self.layers * self.heads * self.width * self.dtype.itemsize


class RowCache:
    """Keys and values of one sequence, [2, layers, heads, capacity, width], taken once.

    Its own memory, not a line of a table: nothing is padded to the longest row, no copy is made
    when a row comes, grows or goes, and what a row held is free when it goes. The system gives
    pages to what is written alone, so an answer that ends early never takes the rest.
    """

    def __init__(self, shape: CacheShape, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0  # tokens that are in it
        self._store = torch.empty(
            (2, shape.layers, shape.heads, capacity, shape.width),
            dtype=shape.dtype,
            device=shape.device,
        )

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values [heads, new, width] behind the row's; return all, [heads, all, …].

        `length` stays: a forward pass that fails half-way is repeated over what it wrote.
        """
        end = self.length + keys.shape[1]
        all_keys, all_values = self._store[:, layer, :, :end]
        all_keys[:, self.length :] = keys
        all_values[:, self.length :] = values
        return all_keys, all_values


@dataclass(eq=False, slots=True, kw_only=True)
class Row:
    """One sequence: its tokens so far, those of the prompt first.

    adapter  which adapter of an `AdapterStack` it is read with; None is the base
    """

    tokens: list[int]
    prompt: int  # how many of them are the prompt's
    cache: RowCache
    draws: Draws
    adapter: object | None = None
    part: int = field(default=0)  # how many tokens the step under way reads

    @classmethod
    def begin(
        cls,
        shape: CacheShape,
        prompt: Sequence[int],
        draws: Draws,
        adapter: object | None = None,
    ) -> "Row":
        """Return a row for a prompt, with memory for its whole answer."""
        return cls(
            tokens=list(prompt),
            prompt=len(prompt),
            cache=RowCache(shape, len(prompt) + draws.how.max_tokens),
            draws=draws,
            adapter=adapter,
        )

    @property
    def unread(self) -> int:
        """Return how many tokens are not in the cache: one, once the prompt is read."""
        return len(self.tokens) - self.cache.length

    @property
    def written(self) -> list[int]:
        """Return the answer's tokens so far."""
        return self.tokens[self.prompt :]


def share_out(rows: Sequence[Row], reading: int) -> None:
    """Set how many tokens of each row the next step reads; 0 for a prompt that waits.

    A row that writes has one to read, and reads it. A prompt is read in parts of `reading` tokens,
    always cut at the same places, so that what it becomes does not depend on other rows. A step
    reads as many parts as have `reading` tokens together, of those first that have read the least:
    a newcomer does not wait until a long prompt has been read.
    """
    left = reading
    for row in sorted(rows, key=lambda row: row.cache.length):
        row.part = min(row.unread, reading)
        if row.part > 1:
            row.part = row.part if row.part <= left else 0
            left -= row.part
