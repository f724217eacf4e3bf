"""Attention over rows of different lengths in one forward pass, without padding.

The tokens of all rows lie one behind the other in a batch of one. Every layer but attention treats
tokens apart, so it sees one long row; here each row attends to its own cache.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from trainers.errors import InputError
from trainers.generation.rows import Row

NAME = "rows"
UNKNOWN = ("softcap", "s_aux")  # what some models hand over, and would change the result


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a forward pass, each with its `part` of tokens, in the order of the tokens."""

    rows: Sequence[Row]
    masks: dict[tuple[Row, int | None], Tensor] = field(default_factory=dict)

    def mask(self, row: Row, window: int | None, device: torch.device) -> Tensor | None:
        """Return which columns each query sees, [part, all]; None where it is all of them.

        window  how many columns a query sees at most, itself included, where a layer says so

        Made once a pass and window: it is the same in every layer.
        """
        begin, end = row.cache.length, row.cache.length + row.part
        if row.part == 1 and (window is None or end <= window):
            return None
        if (row, window) not in self.masks:
            seen = torch.ones(row.part, end, dtype=torch.bool, device=device).tril(begin)
            self.masks[row, window] = seen.triu(begin + 1 - window) if window else seen
        return self.masks[row, window]


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    batch: Batch,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Return attention [1, tokens, heads, width] of queries [1, heads, tokens, width].

    Query heads that share a key's head are laid behind one another as if they were more queries:
    the keys are neither repeated nor copied (`tests/benchmarks/bench_attention.py`: 0.36 ms a layer
    for eight rows of up to 512 keys in bfloat16, 2.4 ms with torch's own `enable_gqa`).
    """
    if any(more.get(name) is not None for name in UNKNOWN):
        raise InputError(f"{type(module).__name__} attends in a way that cannot be served")
    _, heads, tokens, width = query.shape
    groups = key.shape[1]
    found = query.new_zeros(1, tokens, heads, value.shape[-1])
    begin = 0
    for row in batch.rows:
        end = begin + row.part
        keys, values = row.cache.extend(
            module.layer_idx, key[0, :, begin:end], value[0, :, begin:end]
        )
        asked = query[:, :, begin:end].reshape(1, groups, -1, width)
        mask = batch.mask(row, sliding_window, query.device)
        if mask is not None:
            mask = mask.repeat(heads // groups, 1)
        seen = scaled_dot_product_attention(
            asked, keys.unsqueeze(0), values.unsqueeze(0), attn_mask=mask, scale=scaling
        )
        found[:, begin:end] = seen.view(1, heads, row.part, -1).transpose(1, 2)
        begin = end
    return found, None


AttentionInterface.register(NAME, attend)


def use_rows(model: Any) -> None:
    """Let a model attend by rows from now on."""
    model.set_attn_implementation(NAME)


@contextmanager
def attention_by_rows(model: Any) -> Iterator[None]:
    """Let a model attend by rows; what it used before comes back at the end."""
    before = model.config._attn_implementation
    use_rows(model)
    try:
        yield
    finally:
        model.set_attn_implementation(before)
