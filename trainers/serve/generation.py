"""A policy writing an answer: text that can be shown piece by piece."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainers.policy.adapter import Policy
from trainers.policy.generate import Sampling, end_tokens, sample

INCOMPLETE = "�"  # what the bytes of an unfinished character decode to

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Piece:
    """The next text of an answer, and how many tokens there are so far.

    finish is why the answer ended, on its last piece alone.
    """

    text: str
    tokens: int
    finish: Finish | None = None


def generate_pieces(
    policy: Policy,
    prompt: list[int],
    how: Sampling,
    stops: Sequence[str],
    cancelled: Callable[[], bool],
) -> Iterator[Piece]:
    """Pieces of an answer; ends with one that says why.

    Text that may still turn into a stop string or a whole character is held back.
    """
    ends = set(end_tokens(policy.model, policy.tokenizer).tolist())
    tokens: list[int] = []
    text, sent = "", 0
    finish: Finish = "length"
    for (token,) in sample(policy.model, policy.tokenizer, [prompt], how):
        if token in ends or cancelled():
            finish = "stop"
            break
        tokens.append(token)
        text = policy.dialogue.decode(tokens)
        if (end := _first_stop(text, stops)) is not None:
            text, finish = text[:end], "stop"
            break
        ready = len(text) - _held_back(text, stops)
        if ready > sent:
            yield Piece(text[sent:ready], len(tokens))
            sent = ready
    yield Piece(text[sent:], len(tokens), finish)


def context_length(model: Any) -> int:
    """How many tokens a model can read and write in all."""
    return int(getattr(model.config, "max_position_embeddings", None) or 2048)


def _first_stop(text: str, stops: Sequence[str]) -> int | None:
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    return min(found, default=None)


def _held_back(text: str, stops: Sequence[str]) -> int:
    """Characters at the end that are an unfinished character or the beginning of a stop."""
    open_character = len(text) - len(text.rstrip(INCOMPLETE))
    begun = [
        length
        for stop in stops
        for length in range(1, min(len(stop), len(text) + 1))
        if text.endswith(stop[:length])
    ]
    return max([open_character, *begun])
