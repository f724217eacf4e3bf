"""Sampling answers token by token, with a key-value cache; one loop for evaluation and serving."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.policy.logprobs import collate


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. temperature 0 takes the likeliest; top_p 1 draws from all."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None


def sample(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], how: Sampling
) -> Iterator[list[int]]:
    """Yield the next token of every prompt's answer, step by step; after its end, end tokens.

    Ends when all answers have ended or `max_tokens` were drawn. Closing the iterator stops it
    after the current token.
    """
    ends = end_tokens(model, tokenizer)
    generator = _generator(model.device, how.seed)
    batch = collate([(prompt, []) for prompt in prompts], tokenizer.pad_token_id, model.device)
    # The whole prompt once; after it one token a step, the rest being in the cache.
    ids, mask, positions, cache = batch.ids, batch.mask, batch.positions, None
    ended = torch.zeros(len(prompts), dtype=torch.bool)  # on the CPU, where tokens are told apart
    for _ in range(how.max_tokens):
        with torch.inference_mode():
            output = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,  # the output head for the last position alone
            )
            cache = output.past_key_values
            # [rows], from float32: in bfloat16 small probabilities lose their digits.
            drawn = draw(output.logits[:, -1].float(), how, generator)
            ids = drawn.unsqueeze(1)
            # A row that has ended is fed on, so that the batch keeps its shape; it is masked below.
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
            positions = positions[:, -1:] + 1
        # Out of inference mode: a generator would leave its caller in it between two tokens.
        tokens = drawn.cpu().where(~ended, tokenizer.eos_token_id)
        # After `tokens`, so that the end token itself is part of an answer.
        ended = ended | torch.isin(tokens, ends)
        yield tokens.tolist()
        if bool(ended.all()):
            return


def draw(logits: Tensor, how: Sampling, generator: torch.Generator) -> Tensor:
    """Return one token a row, [rows], from logits[rows, vocabulary]."""
    if how.temperature == 0:
        return logits.argmax(1)
    probabilities = (logits / how.temperature).softmax(1)
    if how.top_p < 1:
        probabilities = nucleus(probabilities, how.top_p)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(1)


def nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Return probabilities[rows, vocabulary] of the fewest likeliest tokens that reach `top_p`.

    Holtzman et al. 2020 (arXiv 1904.09751). At least one token is kept; the others become 0,
    and the result is not normalised, which drawing from it does not need.
    """
    ordered, order = probabilities.sort(dim=1, descending=True)
    # Mass of the likelier tokens; 0 for the likeliest, which therefore stays at any top_p.
    before = ordered.cumsum(1) - ordered
    # Those that begin beyond top_p go; the one that reaches it stays.
    kept = ordered.masked_fill((before >= top_p) & (before > 0), 0.0)
    # Back from the sorted order to that of the vocabulary.
    return torch.zeros_like(probabilities).scatter(1, order, kept)


def sample_answers(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], how: Sampling
) -> list[list[int]]:
    """Return whole answers, each up to and with its end token."""
    ends = set(end_tokens(model, tokenizer).tolist())
    steps = list(sample(model, tokenizer, prompts, how))
    return [_until_end([step[row] for step in steps], ends) for row in range(len(prompts))]


def _until_end(tokens: list[int], ends: set[int]) -> list[int]:
    length = next((at + 1 for at, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[:length]


def end_tokens(model: Any, tokenizer: Any) -> Tensor:
    """Return the tokenizer's end token, and those that a chat checkpoint lists beside it."""
    listed = getattr(model.generation_config, "eos_token_id", None)
    more = [listed] if isinstance(listed, int) else listed or []
    return torch.tensor(sorted({tokenizer.eos_token_id, *more}))


def _generator(device: torch.device, seed: int | None) -> torch.Generator:
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator
