"""One step of several rows: every row reads a part, and those that are read write a token."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from trainers.generation.attention import Batch
from trainers.generation.rows import Row, share_out
from trainers.generation.sampling import draw

# Prompt tokens a step: 0.13 s of SmolLM2-135M in bfloat16 on one core, in which other answers wait.
READING = 128


def step(
    model: Any,
    rows: Sequence[Row],
    *,
    reading: int = READING,
    before: Callable[[Sequence[Row]], None] = lambda _: None,
) -> list[tuple[Row, int]]:
    """Advance rows by one forward pass; return those that wrote, with their new token.

    The model attends by rows. Where the pass raises, no row has changed: it can be repeated with
    other rows.

    reading  how many tokens of prompts are read at most
    before   is called with the rows that take part, once their parts are known
    """
    share_out(rows, reading)
    rows = [row for row in rows if row.part]
    before(rows)
    with torch.inference_mode():
        logits = forward(model, rows)
    for row in rows:
        row.cache.length += row.part
    writers = [(place, row) for place, row in enumerate(rows) if row.unread == 0]
    if not writers:
        return []
    # From float32: in bfloat16 small probabilities lose their digits.
    chosen = logits[[place for place, _ in writers]].float()
    tokens = draw(chosen, [row.draws for _, row in writers])
    written = [(row, token) for (_, row), token in zip(writers, tokens, strict=True)]
    for row, token in written:
        row.tokens.append(token)
    return written


def forward(model: Any, rows: Sequence[Row]) -> Tensor:
    """Return the logits [rows, vocabulary] behind each row's part."""
    ids: list[int] = []
    places: list[int] = []
    lasts = []
    for row in rows:
        begin = row.cache.length
        ids += row.tokens[begin : begin + row.part]
        places += range(begin, begin + row.part)
        lasts.append(len(ids) - 1)
    if len(ids) == 1:
        # Products of one row take another kernel, which rounds otherwise: with a second token, of
        # which nothing is kept, a row's numbers do not depend on whether it is alone.
        ids, places = ids * 2, places * 2
    device = model.device
    output = model(
        input_ids=torch.tensor([ids], device=device),
        position_ids=torch.tensor([places], device=device),
        use_cache=False,  # of transformers; ours is in the rows
        logits_to_keep=torch.tensor(lasts, device=device),
        batch=Batch(rows),
    )
    return output.logits[0]  # type: ignore[no-any-return]
