"""Answers of a policy, as evaluation samples them; written as the inference server writes them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trainers.generation.answers import write_answers
from trainers.generation.sampling import Sampling

__all__ = ["Sampling", "end_tokens", "sample_answers"]


def sample_answers(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], how: Sampling
) -> list[list[int]]:
    """Return whole answers, each up to and with its end token."""
    return write_answers(model, prompts, how, set(end_tokens(model, tokenizer).tolist()))


def end_tokens(model: Any, tokenizer: Any) -> Tensor:
    """Return the tokenizer's end token, and those that a chat checkpoint lists beside it."""
    listed = getattr(model.generation_config, "eos_token_id", None)
    more = [listed] if isinstance(listed, int) else listed or []
    return torch.tensor(sorted({tokenizer.eos_token_id, *more}))
