"""What an engine is asked to write, what it gives back, and why it refuses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trainers.generation.sampling import Sampling
from trainers.serve.engine.adapters import Adapter

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPiece:
    """The next text of an answer, and how many tokens there are so far.

    finish  why the answer ended, on its last piece alone
    """

    text: str
    tokens: int
    finish: Finish | None = None


class EngineError(Exception):
    """An answer that could not be written to its end; the message is for who asked."""


class OverloadedError(Exception):
    """No place for another answer. `retry_after`: seconds until there may be one."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many answers are being written; try again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(eq=False, slots=True, kw_only=True)
class Asked:
    """One answer to write.

    tell  takes its pieces, or the error that ended it, in the engine's thread; must not block
    """

    prompt: list[int]
    sampling: Sampling
    stops: Sequence[str]
    adapter: Adapter | None
    tell: Callable[[TextPiece | Exception], None]
    is_left: bool = field(default=False, init=False)

    @property
    def tokens(self) -> int:
        """Return how many tokens its cache must hold."""
        return len(self.prompt) + self.sampling.max_tokens

    def leave(self) -> None:
        """Say that nobody waits for it any more: its place is free after the step under way."""
        self.is_left = True
