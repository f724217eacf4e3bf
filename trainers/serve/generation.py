"""Text generation by a policy, piece by piece as it can be shown."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainers.policy.adapter import Policy
from trainers.policy.generate import Sampling, end_tokens, sample

# What the bytes of an unfinished character decode to: a token may end in the middle of one.
INCOMPLETE = "�"

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPiece:
    """The next text of an answer, and how many tokens there are so far.

    finish  why the answer ended, on its last piece alone
    """

    text: str
    tokens: int
    finish: Finish | None = None


def generate_pieces(
    policy: Policy,
    prompt: list[int],
    sampling: Sampling,
    stops: Sequence[str],
    cancelled: Callable[[], bool],
) -> Iterator[TextPiece]:
    """Yield the pieces of an answer to prompt token ids; the last one says why it ended.

    Text that may still turn into a stop string or a whole character is held back. `cancelled` is
    asked before every token.
    """
    ends = set(end_tokens(policy.model, policy.tokenizer).tolist())
    tokens: list[int] = []
    text, sent = "", 0
    finish: Finish = "length"
    for (token,) in sample(policy.model, policy.tokenizer, [prompt], sampling):
        if token in ends or cancelled():
            finish = "stop"
            break
        tokens.append(token)
        # All tokens anew: what one token decodes to depends on its neighbours.
        text = policy.dialogue.decode(tokens)
        if (end := _first_stop(text, stops)) is not None:
            text, finish = text[:end], "stop"
            break
        ready = len(text) - _held_back(text, stops)
        if ready > sent:
            yield TextPiece(text=text[sent:ready], tokens=len(tokens))
            sent = ready
    yield TextPiece(text=text[sent:], tokens=len(tokens), finish=finish)


def context_length(model: Any) -> int:
    """Return how many tokens a model can read and write in all."""
    return int(getattr(model.config, "max_position_embeddings", None) or 2048)


def _first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Return where the first stop string begins, or None."""
    found = [start for stop in stops if (start := text.find(stop)) >= 0]
    return min(found, default=None)


def _held_back(text: str, stops: Sequence[str]) -> int:
    """Return how many characters at the end may be an unfinished character or stop string."""
    open_character = len(text) - len(text.rstrip(INCOMPLETE))
    begun = [
        length
        for stop in stops
        # Proper beginnings alone: a whole stop string would have been found before.
        for length in range(1, min(len(stop), len(text) + 1))
        if text.endswith(stop[:length])
    ]
    return max([open_character, *begun])
