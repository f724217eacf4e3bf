"""A base checkpoint, loaded to be served: one copy of its weights for all adapters over it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainers.chat import Chat
from trainers.errors import InputError
from trainers.generation.attention import attention_by_rows, use_rows
from trainers.generation.rows import CacheShape, Row
from trainers.generation.sampling import Draws, Sampling
from trainers.generation.step import forward
from trainers.policy.base import load_base
from trainers.policy.generate import end_tokens
from trainers.pretrained.weights import weights_digest
from trainers.tuning.devices import pick_device, pick_dtype

PROMPT_TOKENS = 2048  # of a conversation; as many again are left for the answer
CHECKED_TOKENS = 8
TOLERANCE = 0.05  # of the largest logit: bfloat16 keeps 8 bits, and 30 layers add their rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBase:
    """A causal model in evaluation mode, and how conversations become its tokens.

    digest  `weights_digest` of its files
    window  tokens of a conversation and its answer
    ends    tokens that end an answer
    """

    model: Any
    chat: Chat
    digest: str
    window: int
    ends: frozenset[int]

    @property
    def longest_prompt(self) -> int:
        """Return how many tokens a conversation may have; at least one is left for the answer."""
        return min(PROMPT_TOKENS, self.window - 1)

    @property
    def parameters(self) -> int:
        """Return how many numbers the base has, without the adapters over it."""
        return sum(weight.numel() for weight in self.model.parameters())

    @property
    def size_bytes(self) -> int:
        """Return how much memory the weights of the base take."""
        return sum(weight.nbytes for weight in self.model.parameters())


def open_base(folder: Path) -> ServedBase:
    """Return the checkpoint in a folder, checked to write by rows as it does by itself.

    Raises InputError where it is no causal checkpoint, or of an architecture that is not served.
    """
    device = pick_device()
    base = load_base(folder, device, pick_dtype(device))
    if getattr(base.tokenizer, "backend_tokenizer", None) is None:
        raise InputError.at(folder, "has no fast tokenizer")
    own = getattr(base.model.config, "max_position_embeddings", None) or PROMPT_TOKENS
    _check(base.model, folder)
    use_rows(base.model)
    return ServedBase(
        model=base.model,
        chat=Chat(base.tokenizer),
        digest=weights_digest(folder),
        window=min(int(own), 2 * PROMPT_TOKENS),
        ends=frozenset(end_tokens(base.model, base.tokenizer).tolist()),
    )


@torch.inference_mode()
def _check(model: Any, folder: Path) -> None:
    """Raise InputError where attention by rows gives other logits than the model's own.

    Architectures differ in how they attend (ALiBi, sinks, soft caps, recurrent layers): tried, not
    kept as a list.
    """
    ids = list(range(1, 1 + CHECKED_TOKENS))
    wanted = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, -1].float()
    problem = "is of an architecture that this server cannot write with"
    try:
        row = Row.begin(CacheShape.of(model), ids, Draws(Sampling(max_tokens=1)))
        row.part = len(ids)
        with attention_by_rows(model):
            found = forward(model, [row])[0].float()
    except (AttributeError, TypeError, ValueError, RuntimeError, KeyError) as error:
        raise InputError.at(folder, f"{problem} ({error})") from error
    if not torch.allclose(found, wanted, atol=TOLERANCE * float(wanted.abs().max()), rtol=0):
        raise InputError.at(folder, problem)
