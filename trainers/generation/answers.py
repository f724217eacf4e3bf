"""Whole answers to a list of prompts, without a server: what evaluation needs."""

from collections.abc import Sequence
from typing import Any

from trainers.generation.attention import attention_by_rows
from trainers.generation.rows import CacheShape, Row
from trainers.generation.sampling import Draws, Sampling
from trainers.generation.step import step


def write_answers(
    model: Any, prompts: Sequence[list[int]], how: Sampling, ends: set[int]
) -> list[list[int]]:
    """Return an answer to each prompt, each up to and with its end token.

    The answer to the first prompt is the one that the server would give under the same seed; the
    others draw from streams of their own.
    """
    shape = CacheShape.of(model)
    rows = [Row.begin(shape, prompt, Draws(how, stream)) for stream, prompt in enumerate(prompts)]
    with attention_by_rows(model):
        running = rows
        while running:
            step(model, running)
            running = [row for row in running if not _is_over(row, ends)]
    return [row.written for row in rows]


def _is_over(row: Row, ends: set[int]) -> bool:
    """Return whether the row has ended its answer, or may not write on."""
    written = len(row.tokens) - row.prompt
    return written >= row.draws.how.max_tokens or (written > 0 and row.tokens[-1] in ends)
